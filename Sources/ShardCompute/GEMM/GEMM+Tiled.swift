// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/tiled`: a work-group shares a tile in local memory, for GPUs.
  enum Tiled: ProductKernel {
    static let name = "gemm/tiled"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      let parameters = Parameters(product, device.capabilities)
      if parameters.workGroup.reduce(1, *) > device.capabilities.maximumWorkGroupSize {
        return "work-groups of \(parameters.workGroup), the device has at most "
          + "\(device.capabilities.maximumWorkGroupSize) work-items"
      }
      return nil
    }

    static func launch(_ product: Product, on device: OpenCLDevice) throws {
      let parameters = Parameters(product, device.capabilities)
      let a = try device.packedActivations(product.a, width: device.tiles.activationPanelWidth)
      let kernel = try device.library.kernel(
        name, options: parameters.options(device.tiles, product.weight.elementType))
      let groups = parameters.groups(product, device.capabilities)
      let scratch = try device.workspace.memory(
        .tree, byteCount: groups * 3 * parameters.tileM * parameters.tileN * 4
      ) { byteCount in
        // The kernel reads what it wrote, but Oclgrind cannot tell: zero it once, by a write, since it misses fills.
        let memory = try device.allocate(byteCount: byteCount)
        let zeros = HostMemory(byteCount: byteCount)
        try device.write(zeros, at: 0, byteCount: byteCount, to: memory, at: 0)
        return memory
      }
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [groups * parameters.workGroup[0], parameters.workGroup[1]], local: parameters.workGroup),
        arguments: product.sizeArguments + [
          .float(product.alpha), .float(product.beta), .buffer(a),
          .buffer(try device.buffer(product.weight.memory)),
        ] + product.resultArguments(try device.buffer(product.c.memory)) + [.buffer(try device.buffer(scratch))])
    }

    /// The kernel's tunables, under its own names.
    struct Parameters: Hashable {
      let tileM: Int
      let tileN: Int
      let tileK = 16
      let perItemM: Int
      let perItemN: Int

      /// Large tiles read less, small ones fill more compute units: large where each unit gets two.
      init(_ product: Product, _ capabilities: Capabilities) {
        let largeTiles = ((product.m + 127) / 128) * ((product.n + 127) / 128)
        let large = largeTiles >= 2 * capabilities.computeUnits
        (tileM, tileN, perItemM, perItemN) = large ? (128, 128, 8, 8) : (64, 64, 4, 4)
      }

      var workGroup: [Int] { [tileN / perItemN, tileM / perItemM] }

      /// Work-groups, each of which takes several tiles in turn: enough to hide latency, few enough for the scratch.
      func groups(_ product: Product, _ capabilities: Capabilities) -> Int {
        let tiles = ((product.m + tileM - 1) / tileM) * ((product.n + tileN - 1) / tileN)
        return min(tiles, 8 * capabilities.computeUnits)
      }

      func options(_ tiles: TileShapes, _ weight: ElementType) -> [String] {
        [
          "-DTILE_M=\(tileM)", "-DTILE_N=\(tileN)", "-DTILE_K=\(tileK)", "-DPER_ITEM_M=\(perItemM)",
          "-DPER_ITEM_N=\(perItemN)", "-DMR=\(tiles.activationPanelWidth)", "-DNR=\(tiles.weightPanelWidth)",
          "-DB_TYPE=\(weight.kernelName)",
        ]
      }
    }
  }
}
