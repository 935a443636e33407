// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/join`: finishes a product whose leaves several work-groups have added up, each a *split* of them: a product of
  /// few tiles and many terms has work for all compute units only so.
  ///
  /// Every split is a complete subtree of the sum, so it has the same bits however many there are.
  enum Join {
    static let name = "gemm/join"
    /// Leaves of a split; all of them for no splits.
    static let leavesEach = [1, 2, 4, SumOrder.leafCount]
    /// Terms that a split has at least where nothing was measured: fewer are not worth the memory between.
    private static let fewestTerms = 256
    /// The most bytes of sums of splits.
    private static let byteLimit = 256 << 20

    /// Splits of the leaves of `product`, `leavesEach` in each.
    static func splits(_ product: Product, leavesEach: Int) -> Int {
      max(1, product.weight.leaves.count / leavesEach)
    }

    /// The leaves of a split where each product has `tiles`: the most with which each of the compute `units` gets two
    /// work-groups, as far as splits keep enough terms.
    static func leavesEach(_ product: Product, tiles: Int, units: Int) -> Int {
      let possible = leavesEach.reversed().filter { each in
        refusal(of: each, product) == nil
          && (each == SumOrder.leafCount || product.k / splits(product, leavesEach: each) >= fewestTerms)
      }
      let busy = possible.first { product.count * tiles * splits(product, leavesEach: $0) >= 2 * units }
      return busy ?? possible.last ?? SumOrder.leafCount
    }

    /// Why a product cannot have splits of `leavesEach` leaves; nil where it can.
    static func refusal(of leavesEach: Int, _ product: Product) -> String? {
      guard Join.leavesEach.contains(leavesEach) else {
        return "splits of \(leavesEach) leaves; \(Join.leavesEach) are possible"
      }
      let leaves = product.weight.leaves
      if leavesEach == SumOrder.leafCount { return nil }
      guard leaves.lowerBound.isMultiple(of: leavesEach), leaves.upperBound.isMultiple(of: leavesEach) else {
        return "splits of \(leavesEach) leaves, which do not cut \(leaves) into complete subtrees"
      }
      guard let byteCount = try? byteCount(product, splits(product, leavesEach: leavesEach)), byteCount <= byteLimit
      else {
        return "splits of \(leavesEach) leaves, whose sums have more than \(byteLimit) bytes"
      }
      return nil
    }

    /// Runs `enqueue` for the sums of `product`: for the product itself where it has one split, else for one that
    /// stores the sums of its splits, which are then joined.
    static func launch(
      _ product: Product, leavesEach: Int, on device: OpenCLDevice, enqueue: (_ sums: Product) throws -> Void
    ) throws {
      let splits = splits(product, leavesEach: leavesEach)
      guard splits > 1 else { return try enqueue(product) }
      let kernel = try device.library.kernel(name, options: product.epilogue.options(floats: 4))
      let sums = try product.sums(in: device.scratch(.splits, byteCount: byteCount(product, splits)))
      try enqueue(sums)
      let (leaves, c) = (product.weight.leaves, product.c)
      try kernel.launch(
        on: device.queue,
        size: device.size(items: [(product.n + 3) / 4, product.m, product.count]),
        arguments: [
          .int(Int32(product.m)), .int(Int32(product.n)), .int(Int32(leaves.lowerBound / leavesEach)),
          .int(Int32(leaves.upperBound / leavesEach)), .float(product.alpha), .float(product.beta),
          .buffer(try device.buffer(sums.c.memory)), .long(Int64(sums.nodeStride)),
          .buffer(try device.buffer(c.memory)), .long(Int64(c.offset)), .long(Int64(c.rowStride)),
          .long(Int64(product.nodeStride)), .long(Int64(product.cStride)),
        ] + (try product.epilogue.arguments(on: device)))
    }

    private static func byteCount(_ product: Product, _ splits: Int) throws -> Int {
      try checkedProduct(splits, product.count, product.m, product.n, 4)
    }
  }
}

extension Product {
  /// The sums alone of this product, in `memory`: each split begins `nodeStride` elements behind the one before, with all
  /// products of a batch.
  fileprivate func sums(in memory: DeviceMemory) throws -> Product {
    try Product(
      batch: MatrixBatch(a, count: aStride == 0 ? 1 : count, stride: aStride), weight,
      into: MatrixBatch(memory, count: count, rows: m, columns: n), nodeStride: checkedProduct(count, m, n))
  }
}

extension OpenCLDevice {
  /// Scratch memory that kernels write before they read it.
  func scratch(_ purpose: Workspace.Purpose, byteCount: Int) throws -> DeviceMemory {
    try workspace.memory(purpose, byteCount: byteCount) { byteCount in
      // Oclgrind cannot tell that kernels read what they wrote: zero it once, by a write, since it misses fills.
      let memory = try allocate(byteCount: byteCount)
      try write(HostMemory(byteCount: byteCount), at: 0, byteCount: byteCount, to: memory, at: 0)
      return memory
    }
  }
}
