// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/blocks`: register tiles over the unpacked columns of a quantised weight, for CPU devices.
  enum Blocks: ProductKernel {
    static let name = "gemm/blocks"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .cpu { return "made for CPU devices" }
      if let refusal = GEMM.refusal(ofElements: product.weight.format) { return refusal }
      return Parameters(product, device.tiles, device.capabilities).refusal(product, device.tiles, device.capabilities)
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters {
      Parameters(product, device.tiles, device.capabilities)
    }

    static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
      parameters.refusal(product, device.tiles, device.capabilities)
    }

    static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
      let formula = formula(product, on: device)
      let length = product.weight.format.blockLength
      return [
        Tunable(\.chunkK, around(formula.chunkK / length).map { $0 * length }),
        Tunable(\.blockM, around(formula.blockM) + [1]), Tunable(\.rows, [6, 8, 10, 12, 14]),
        Tunable(\.prefetchA, [0, 16, 64]),
      ]
    }

    static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws {
      if let refusal = parameters.refusal(product, device.tiles, device.capabilities) {
        throw ComputeError.unsupported("\(name): \(refusal)")
      }
      let kernel = try device.library.kernel(
        name,
        options: device.tiles.blockOptions(rows: parameters.rows, product.weight.format) + parameters.options
          + product.epilogue.options(floats: device.tiles.vector))
      let sums = try device.groupSums(product)
      let a = try device.packedActivations(product, width: parameters.rows)
      let rowPanels = (product.m + parameters.rows - 1) / parameters.rows
      let local = parameters.localByteCounts(product, device.tiles)
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [
            product.weight.panelCount, (rowPanels + parameters.blockM - 1) / parameters.blockM, product.count,
          ], local: [1, 1, 1]),
        arguments: product.sizeArguments + [
          .int(Int32(parameters.blockM)), .int(Int32(parameters.chunkK)), .float(product.alpha), .float(product.beta),
          .buffer(a.buffer), .buffer(try device.buffer(product.weight.memory)), .buffer(sums),
        ] + product.resultArguments(try device.buffer(product.c.memory), aStride: a.stride)
          + local.map { .local(byteCount: $0) }
          + (try product.epilogue.arguments(on: device)))
    }

    /// The kernel's tunables, under its own names. Every set that is not refused gives the same bits.
    struct Parameters: Hashable, Codable, Sendable {
      /// Rows of a register tile and of a panel of A.
      var rows: Int
      /// Row panels of a work-group.
      var blockM: Int
      /// Columns that are unpacked at a time, whole blocks.
      var chunkK: Int
      /// Steps of k that A is fetched ahead, 0 for none.
      var prefetchA: Int

      /// A chunk fills half the second-level cache, which PoCL's local memory is as large as. All row panels use it
      /// before the next is unpacked, unless there are too few column panels for all cores.
      init(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) {
        let length = product.weight.format.blockLength
        let fitting = min(capabilities.localMemoryByteCount, 1 << 20) / 2 / (tiles.weightPanelWidth * 4)
        rows = tiles.activationPanelWidth
        chunkK = min(max(length, product.k), max(length, fitting / length * length))
        prefetchA = 64
        let rowPanels = (product.m + rows - 1) / rows
        blockM = rowPanels
        if chunkK < product.k {
          let tileByteCount = 4 * rows * tiles.weightPanelWidth * 4
          blockM = max(1, min(blockM, capabilities.localMemoryByteCount / 4 / tileByteCount))
        }
        while blockM > 1,
          product.count * product.weight.panelCount * ((rowPanels + blockM - 1) / blockM) < 8
            * capabilities.computeUnits
        {
          blockM = (blockM + 1) / 2
        }
      }

      /// Build options beside those of the tile.
      var options: [String] { ["-DPREFETCH_A=\(prefetchA)"] }

      /// Local memory of a work-group: waiting subtrees, values, scales.
      func localByteCounts(_ product: Product, _ tiles: TileShapes) -> [Int] {
        let width = 4 * tiles.weightPanelWidth
        let format = product.weight.format
        let groups = chunkK / format.groupLength
        return [
          (chunkK < product.k ? blockM : 1) * 4 * rows * width, chunkK * width,
          groups * width * (format.blocks.hasOffsets ? 2 : 1),
        ]
      }

      /// Why the kernel cannot run with these; nil where it can.
      func refusal(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) -> String? {
        if rows < 2 || rows > 32 || rows % 2 != 0 {
          return "tiles of \(rows) rows; even numbers from 2 to 32 are possible"
        }
        if min(blockM, chunkK) < 1 || prefetchA < 0 || !chunkK.isMultiple(of: product.weight.format.blockLength) {
          return "blocks of \(blockM) panels, \(chunkK) columns, a fetch \(prefetchA) steps ahead"
        }
        let needed = localByteCounts(product, tiles).reduce(0, +)
        if needed > capabilities.localMemoryByteCount {
          return "\(needed) bytes of local memory, the device has \(capabilities.localMemoryByteCount)"
        }
        return nil
      }
    }
  }

  /// What kernels for quantised weights say to `format`.
  static func refusal(ofElements format: WeightFormat) -> String? {
    format.isQuantised ? nil : "made for quantised weights"
  }
}

extension OpenCLDevice {
  /// The sums of A over the groups of the weight's columns, in scratch memory; a stand-in where the format has no
  /// offsets that need them.
  func groupSums(_ product: Product) throws -> Buffer {
    let format = product.weight.format
    guard format.blocks.hasOffsets, product.k > 0 else {
      return try buffer(DeviceMemory(byteCount: 0, storage: .empty))
    }
    let groups = product.k / format.groupLength
    let matrices = product.aStride == 0 ? 1 : product.count
    let kernel = try library.kernel("gemm/group_sums", options: ["-DFORMAT=\(format.kernelName)"])
    let memory = try workspace.memory(
      .groupSums, byteCount: checkedProduct(matrices, product.m, groups, 4), allocate: allocate)
    let sums = try buffer(memory)
    try kernel.launch(
      on: queue, size: size(items: [groups, product.m, matrices]),
      arguments: [
        .int(Int32(product.m)), .int(Int32(groups)), .buffer(try buffer(product.a.memory)),
        .long(Int64(product.a.offset)), .long(Int64(product.a.rowStride)), .long(Int64(product.a.columnStride)),
        .long(Int64(product.aStride)), .buffer(sums), .long(Int64(product.m * groups)),
      ])
    return sums
  }
}
