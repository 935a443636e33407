// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/packed`: register tiles over packed panels, for CPU devices.
  enum Packed: ProductKernel {
    static let name = "gemm/packed"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      device.capabilities.architecture == .cpu ? nil : "made for CPU devices"
    }

    static func launch(_ product: Product, on device: OpenCLDevice) throws {
      let tiles = device.tiles
      let a = try device.packedActivations(product.a, width: tiles.activationPanelWidth)
      let kernel = try device.library.kernel(
        name,
        options: tiles.options(rows: tiles.activationPanelWidth, product.weight.elementType))
      let blocks = Blocks(product, tiles, device.capabilities)
      let rowPanels = (product.m + tiles.activationPanelWidth - 1) / tiles.activationPanelWidth
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [
            (product.weight.panelCount + blocks.columns - 1) / blocks.columns,
            (rowPanels + blocks.rows - 1) / blocks.rows,
          ], local: [1, 1]),
        arguments: product.sizeArguments + [
          .int(Int32(blocks.rows)), .int(Int32(blocks.columns)), .int(Int32(blocks.chunk)), .float(product.alpha),
          .float(product.beta), .buffer(a), .buffer(try device.buffer(product.weight.memory)),
        ] + product.resultArguments(try device.buffer(product.c.memory)) + [.local(byteCount: blocks.localByteCount)])
    }

    /// How C is cut into the blocks of work-groups, in panels, and k into chunks.
    struct Blocks {
      let rows: Int
      let columns: Int
      let chunk: Int
      let localByteCount: Int

      init(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) {
        rows = 6
        columns = 4
        chunk = 512
        let count = chunk >= product.k ? 1 : rows * columns
        localByteCount = count * 4 * tiles.activationPanelWidth * tiles.weightPanelWidth * 4
      }
    }
  }
}
