// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/block_tiles`: a work-group shares a tile of a quantised weight in local memory, unpacked, for GPUs.
  enum BlockTiles: ProductKernel {
    static let name = "gemm/block_tiles"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if let refusal = GEMM.refusal(ofElements: product.weight.format) { return refusal }
      return refusal(of: formula(product, on: device), product, on: device)
    }

    /// Two sums, of a group and of the leaf, leave registers for small tiles only.
    static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters {
      var parameters = Parameters(
        tileM: 64, tileN: 64, perItemM: 4, perItemN: 4, leavesEach: SumOrder.leafCount)
      parameters.leavesEach = Join.leavesEach(
        product, tiles: parameters.tiles(product), units: device.capabilities.computeUnits)
      return parameters
    }

    static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
      [
        Tunable([(32, 32, 4, 4), (32, 64, 4, 4), (64, 64, 4, 4), (64, 128, 4, 8), (128, 64, 8, 4), (128, 128, 8, 8)]) {
          ($0.tileM, $0.tileN, $0.perItemM, $0.perItemN) = $1
        }, Tunable(\.leavesEach, Join.leavesEach),
      ]
    }

    static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
      parameters.refusal(product, device.tiles, device.capabilities)
    }

    static func launch(_ product: Product, _ shape: Parameters, on device: OpenCLDevice) throws {
      let groupSums = try device.groupSums(product)
      let a = try device.packedActivations(product, width: device.tiles.activationPanelWidth)
      try Join.launch(product, leavesEach: shape.leavesEach, on: device) { sums in
        let kernel = try device.library.kernel(
          name,
          options: [
            "-DTILE_M=\(shape.tileM)", "-DTILE_N=\(shape.tileN)", "-DPER_ITEM_M=\(shape.perItemM)",
            "-DPER_ITEM_N=\(shape.perItemN)", "-DMR=\(device.tiles.activationPanelWidth)",
            "-DNR=\(device.tiles.weightPanelWidth)", "-DFORMAT=\(product.weight.format.kernelName)",
          ] + sums.epilogue.options(floats: 4))
        let splits = Join.splits(product, leavesEach: shape.leavesEach)
        let groups = min(
          shape.tiles(product), max(1, 8 * device.capabilities.computeUnits / (product.count * splits)))
        let scratch = try device.scratch(
          .tree, byteCount: product.count * splits * groups * 3 * shape.tileM * shape.tileN * 4)
        try kernel.launch(
          on: device.queue,
          size: LaunchSize(
            global: [groups * shape.workGroup[0], splits * shape.workGroup[1], product.count],
            local: shape.workGroup + [1]),
          arguments: product.sizeArguments + [
            .int(Int32(product.weight.leaves.count / splits)), .float(sums.alpha), .float(sums.beta),
            .buffer(a.buffer), .buffer(try device.buffer(product.weight.memory)), .buffer(groupSums),
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
      /// Rows of C of a work-item.
      var perItemM: Int
      /// Columns of C of a work-item.
      var perItemN: Int
      /// Leaves of the sum that a work-group adds up, a *split*; all of them for no splits.
      var leavesEach: Int

      var workGroup: [Int] { [tileN / perItemN, tileM / perItemM] }

      /// Tiles of one product.
      func tiles(_ product: Product) -> Int { ((product.m + tileM - 1) / tileM) * ((product.n + tileN - 1) / tileN) }

      /// Why the kernel cannot run with these; nil where it can.
      func refusal(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) -> String? {
        let sides = (tiles.activationPanelWidth, tiles.weightPanelWidth)
        guard [perItemM, perItemN].allSatisfy([4, 8].contains), (1...1024).contains(tileM), (1...1024).contains(tileN),
          tileM.isMultiple(of: sides.0), tileN.isMultiple(of: sides.1), tileM.isMultiple(of: perItemM),
          tileN.isMultiple(of: perItemN)
        else {
          return "tiles of \(tileM) × \(tileN), \(perItemM) × \(perItemN) an item; items have 4 or 8 each way, tiles "
            + "whole panels of \(sides.0) and \(sides.1)"
        }
        let needed = 4 * (product.weight.format.groupLength * (tileM + tileN) + 2 * tileN + tileM)
        if needed > capabilities.localMemoryByteCount {
          return "\(needed) bytes of local memory, the device has \(capabilities.localMemoryByteCount)"
        }
        return GEMM.refusal(ofWorkGroup: workGroup, capabilities) ?? Join.refusal(of: leavesEach, product)
      }
    }
  }
}
