// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/tiled`: a work-group shares a tile in local memory, for GPUs.
  enum Tiled: ProductKernel {
    static let name = "gemm/tiled"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if let refusal = GEMM.refusal(ofBlocks: product.weight.format) { return refusal }
      return refusal(of: formula(product, on: device), product, on: device)
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters {
      Parameters(product, device.capabilities)
    }

    static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
      parameters.refusal(product, device.tiles, device.capabilities)
    }

    static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
      [
        // Tile and work-item change together, so that work-groups stay of a size that runs.
        Tunable([(64, 64, 4, 4), (64, 128, 4, 8), (128, 64, 8, 4), (128, 128, 8, 8)]) { parameters, shape in
          (parameters.tileM, parameters.tileN, parameters.perItemM, parameters.perItemN) = shape
        }, Tunable(\.tileK, [8, 16, 32]), Tunable(\.leavesEach, Join.leavesEach),
      ]
    }

    static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws {
      let a = try device.packedActivations(product, width: device.tiles.activationPanelWidth)
      try Join.launch(product, leavesEach: parameters.leavesEach, on: device) { sums in
        let kernel = try device.library.kernel(
          name,
          options: parameters.options(device.tiles, product.weight.format) + sums.epilogue.options(floats: 4))
        let splits = Join.splits(product, leavesEach: parameters.leavesEach)
        let groups = parameters.groups(product, splits, device.capabilities)
        let scratch = try device.scratch(
          .tree, byteCount: product.count * splits * groups * 3 * parameters.tileM * parameters.tileN * 4)
        try kernel.launch(
          on: device.queue,
          size: LaunchSize(
            global: [groups * parameters.workGroup[0], splits * parameters.workGroup[1], product.count],
            local: parameters.workGroup + [1]),
          arguments: product.sizeArguments + [
            .int(Int32(product.weight.leaves.count / splits)), .float(sums.alpha), .float(sums.beta),
            .buffer(a.buffer), .buffer(try device.buffer(product.weight.memory)),
          ] + sums.resultArguments(try device.buffer(sums.c.memory), aStride: a.stride)
            + [.buffer(try device.buffer(scratch))] + (try sums.epilogue.arguments(on: device)))
      }
    }

    /// The kernel's tunables, under its own names. Every set that is not refused gives the same bits.
    struct Parameters: Hashable, Codable, Sendable {
      /// Rows of C of a work-group.
      var tileM: Int
      /// Columns of C of a work-group.
      var tileN: Int
      /// Steps of k in local memory.
      var tileK: Int
      /// Rows of C of a work-item.
      var perItemM: Int
      /// Columns of C of a work-item.
      var perItemN: Int
      /// Leaves of the sum that a work-group adds up, a *split*; all of them for no splits.
      var leavesEach: Int

      /// Large tiles read less, small ones fill more compute units: large where each unit gets two.
      init(_ product: Product, _ capabilities: Capabilities) {
        let largeTiles = product.count * ((product.m + 127) / 128) * ((product.n + 127) / 128)
        let large = largeTiles >= 2 * capabilities.computeUnits
        (tileM, tileN, perItemM, perItemN) = large ? (128, 128, 8, 8) : (64, 64, 4, 4)
        tileK = 16
        leavesEach = SumOrder.leafCount
        leavesEach = Join.leavesEach(product, tiles: tiles(product), units: capabilities.computeUnits)
      }

      /// Why the kernel cannot run with these; nil where it can.
      func refusal(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) -> String? {
        let sides = (tiles.activationPanelWidth, tiles.weightPanelWidth)
        let items = [perItemM, perItemN]
        guard items.allSatisfy([4, 8].contains), (1...64).contains(tileK), (1...1024).contains(tileM),
          (1...1024).contains(tileN), tileM.isMultiple(of: sides.0), tileN.isMultiple(of: sides.1),
          tileM.isMultiple(of: perItemM), tileN.isMultiple(of: perItemN)
        else {
          return "tiles of \(tileM) × \(tileN) in \(tileK) steps, \(perItemM) × \(perItemN) an item; items have 4 or 8 "
            + "each way, tiles whole panels of \(sides.0) and \(sides.1)"
        }
        if let refusal = GEMM.refusal(ofWorkGroup: workGroup, capabilities) { return refusal }
        let size = workGroup.reduce(1, *)
        if !(tileK * tileM / 4).isMultiple(of: size) || !(tileK * tileN / 4).isMultiple(of: size) {
          return "\(size) work-items cannot share \(tileK) steps of a tile of \(tileM) × \(tileN) evenly"
        }
        let needed = 4 * tileK * (tileM + tileN)
        if needed > capabilities.localMemoryByteCount {
          return "\(needed) bytes of local memory, the device has \(capabilities.localMemoryByteCount)"
        }
        return Join.refusal(of: leavesEach, product)
      }

      var workGroup: [Int] { [tileN / perItemN, tileM / perItemM] }

      /// Tiles of one product.
      func tiles(_ product: Product) -> Int { ((product.m + tileM - 1) / tileM) * ((product.n + tileN - 1) / tileN) }

      /// Work-groups of a split of a product, each of which takes several tiles in turn: enough to hide latency, few
      /// enough for the scratch.
      func groups(_ product: Product, _ splits: Int, _ capabilities: Capabilities) -> Int {
        min(tiles(product), max(1, 8 * capabilities.computeUnits / (product.count * splits)))
      }

      func options(_ tiles: TileShapes, _ weight: WeightFormat) -> [String] {
        [
          "-DTILE_M=\(tileM)", "-DTILE_N=\(tileN)", "-DTILE_K=\(tileK)", "-DPER_ITEM_M=\(perItemM)",
          "-DPER_ITEM_N=\(perItemN)", "-DMR=\(tiles.activationPanelWidth)", "-DNR=\(tiles.weightPanelWidth)",
          "-DB_TYPE=\(weight.kernelName)",
        ]
      }
    }
  }
}
