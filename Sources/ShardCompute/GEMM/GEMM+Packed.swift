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

    /// How C is cut into the blocks of work-groups, one column panel each, and k into chunks.
    ///
    /// A chunk of a column panel fills half the second-level cache, and the row panels of a block a quarter of the last,
    /// so that B comes from memory once and A from a cache. The sizes were found by search on an AVX-512 machine.
    struct Blocks {
      let rows: Int
      let columns = 1
      let chunk: Int
      let localByteCount: Int

      init(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) {
        let (height, width) = (tiles.activationPanelWidth, tiles.weightPanelWidth)
        // PoCL's local memory is as large as the second-level cache; elsewhere it is a fair lower bound of it.
        let nearCache = min(max(capabilities.localMemoryByteCount, 256 << 10), 1 << 20)
        let farCache = max(capabilities.cacheByteCount, 4 << 20)
        let longest = max(256, nearCache / 2 / (width * 4))
        let chunk = product.k <= longest ? max(1, product.k) : evenPart(product.k, atMost: longest)
        let rowPanels = (product.m + height - 1) / height
        // Subtrees and the running sum of each tile of the block wait in local memory where k has several chunks.
        let tileByteCount = 4 * height * width * 4
        var rows = max(1, min(rowPanels, farCache / 4 / (height * 4 * chunk)))
        if chunk < product.k {
          rows = min(rows, max(1, min(nearCache / 2, capabilities.localMemoryByteCount) / tileByteCount))
        }
        rows = evenPart(rowPanels, atMost: rows)
        while rows > 1, product.weight.panelCount * ((rowPanels + rows - 1) / rows) < 8 * capabilities.computeUnits {
          rows = (rows + 1) / 2
        }
        self.rows = rows
        self.chunk = chunk
        localByteCount = (chunk < product.k ? rows : 1) * tileByteCount
      }
    }

    /// The size of the fewest equal parts of `whole` that are at most `limit` each.
    private static func evenPart(_ whole: Int, atMost limit: Int) -> Int {
      let parts = (whole + limit - 1) / limit
      return (whole + parts - 1) / parts
    }
  }
}
