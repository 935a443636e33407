// SPDX-License-Identifier: Apache-2.0

extension GEMM.Packed {
  static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters {
    Parameters(product, device.tiles, device.capabilities)
  }

  static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
    parameters.refusal(product, device.tiles, device.capabilities)
  }

  static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
    let formula = formula(product, on: device)
    return [
      // A chunk of all of k needs no memory for pending sums.
      Tunable(\.chunkK, around(formula.chunkK) + [product.k]), Tunable(\.blockM, around(formula.blockM) + [1]),
      Tunable(\.blockN, [1, 2, 4]), Tunable(\.rows, [6, 8, 10, 12, 14]), Tunable(\.prefetchA, [0, 16, 64]),
      Tunable(\.prefetchB, [0, 8, 16, 32]),
    ]
  }

  /// The kernel's tunables, under its own names: how C is cut into register tiles and the blocks of work-groups, and k
  /// into chunks. Every set that is not refused gives the same bits.
  struct Parameters: Hashable, Codable, Sendable {
    /// Rows of a register tile and of a panel of A.
    var rows: Int
    /// Row panels of a work-group.
    var blockM: Int
    /// Column panels of a work-group.
    var blockN: Int
    /// Steps of k that a work-group takes at a time.
    var chunkK: Int
    /// Steps of k that A is fetched ahead, 0 for none.
    var prefetchA: Int
    /// The same for the weight.
    var prefetchB: Int
    /// Whether the next chunk of the weight is fetched while this one is multiplied.
    var prefetchNext: Bool

    /// Sizes found by search on AVX-512 machines: a chunk of a column panel fills half the second-level cache, and the
    /// row panels of a block a quarter of the last, so that B comes from memory once and A from a cache. With few row
    /// panels reading B takes as long as the arithmetic, and shorter chunks leave room to read ahead.
    init(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) {
      let width = tiles.weightPanelWidth
      // As many tiles as the highest need, as high as they must be: 32 rows are 3 tiles of 12 rather than of 14.
      let rowPanels = (product.m + tiles.activationPanelWidth - 1) / tiles.activationPanelWidth
      let height = ((product.m + rowPanels - 1) / rowPanels + 1) / 2 * 2
      // PoCL's local memory is as large as the second-level cache; other drivers do not tell that size.
      let nearCache = min(max(capabilities.localMemoryByteCount, 512 << 10), 1 << 20)
      let farCache = max(capabilities.cacheByteCount, 4 << 20)
      let longest = max(256, nearCache / (rowPanels > 16 ? 2 : 8) / (width * 4))
      let chunk = product.k <= longest ? max(1, product.k) : evenPart(product.k, atMost: longest)
      let tileByteCount = Self.tileByteCount(rows: height, tiles)
      var block = max(1, min(rowPanels, farCache / 4 / (height * 4 * chunk)))
      if chunk < product.k {
        block = min(block, max(1, min(nearCache / 2, capabilities.localMemoryByteCount) / tileByteCount))
      }
      block = evenPart(rowPanels, atMost: block)
      let columnBlocks = product.count * product.weight.panelCount
      while block > 1, columnBlocks * ((rowPanels + block - 1) / block) < 8 * capabilities.computeUnits {
        block = (block + 1) / 2
      }
      (rows, blockM, blockN, chunkK) = (height, block, 1, chunk)
      (prefetchA, prefetchB) = (64, tiles.prefetch(product.weight.format))
      // With more row panels the arithmetic hides the reading, and the instruction costs as much as it gains.
      prefetchNext = rowPanels <= 20
    }

    /// Build options beside those of the tile.
    var options: [String] {
      ["-DPREFETCH_A=\(prefetchA)", "-DPREFETCH_B=\(prefetchB)", "-DPREFETCH_NEXT=\(prefetchNext ? 1 : 0)"]
    }

    /// Local memory of a work-group.
    func localByteCount(_ product: Product, _ tiles: TileShapes) -> Int {
      (chunkK < product.k ? blockM * blockN : 1) * Self.tileByteCount(rows: rows, tiles)
    }

    /// Why the kernel cannot run with these; nil where it can.
    func refusal(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) -> String? {
      if rows < 2 || rows > 32 || rows % 2 != 0 {
        return "tiles of \(rows) rows; even numbers from 2 to 32 are possible"
      }
      // Kernels count in 31 bits.
      if !(1...1 << 24).contains(blockM) || !(1...1 << 24).contains(blockN) || !(1...1 << 30).contains(chunkK) {
        return
          "blocks of \(blockM) × \(blockN) panels and \(chunkK) steps; 1 to 2²⁴ panels, 1 to 2³⁰ steps are possible"
      }
      if !(0...1 << 20).contains(prefetchA) || !(0...1 << 20).contains(prefetchB) {
        return "a fetch \(prefetchA) and \(prefetchB) steps ahead; 0 to 2²⁰ are possible"
      }
      let needed = localByteCount(product, tiles)
      if needed > capabilities.localMemoryByteCount {
        return "\(needed) bytes of local memory, the device has \(capabilities.localMemoryByteCount)"
      }
      return nil
    }

    /// What waits in local memory for a tile where k has several chunks: its subtrees and its running sum.
    private static func tileByteCount(rows: Int, _ tiles: TileShapes) -> Int { 4 * rows * tiles.weightPanelWidth * 4 }
  }

  /// The size of the fewest equal parts of `whole` that are at most `limit` each.
  private static func evenPart(_ whole: Int, atMost limit: Int) -> Int {
    let parts = (whole + limit - 1) / limit
    return (whole + parts - 1) / parts
  }
}
