// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// Whether a product is right: against sums in f64, and bit for bit against the CPU fallback, from which only kernels of
/// reduced arithmetic may differ.
struct ProductCheck: Hashable, Sendable {
  /// Of the elements judged one by one, and of all by a residual, in units of the bound.
  let largestErrorOverBound: Double
  /// Whether every element has the bits of one `HostDevice`.
  let sameBits: Bool
  /// Whether it need not have.
  let mayRound: Bool

  var isRight: Bool { largestErrorOverBound <= 1 && (sameBits || mayRound) }

  /// Multiplications up to which all rows are judged in f64; beyond, a sample of that cost and a residual.
  private static let judgedOperations = 1 << 31
  /// The same where the bound of an element has what a kernel rounds, which costs more than the element.
  private static let judgedRoundings = 1 << 27
  /// Elements of the weight that are checked at a time, so that a large one needs no second copy of itself.
  private static let chunkElements = 1 << 24

  /// Judges `result`, x · Wᵀ row-major without gaps; `kernels` are those of reduced arithmetic that made parts of it.
  init(
    _ result: HostMemory, x: HostMatrix, weight: some MatrixSource, orderUnit: Int, seed: UInt64,
    rounding kernels: [String] = []
  ) async throws {
    let order = SumOrder(length: x.columns, unit: orderUnit)
    let host = HostDevice()
    let memoryX = try host.upload(x.memory)
    let rows = Self.judgedRows(
      m: x.rows, n: weight.rows, k: x.columns, seed: seed,
      operations: kernels.isEmpty ? Self.judgedOperations : Self.judgedRoundings)
    let isSample = rows.reduce(0) { $0 + $1.count } < x.rows
    let chunk = max(1, Self.chunkElements / max(1, weight.columns))
    var (error, equal) = (0.0, true)
    for first in stride(from: 0, to: weight.rows, by: chunk) {
      let range = first..<min(first + chunk, weight.rows)
      let block = try weight.block(rows: range, columns: 0..<weight.columns)
      let part = result.columns(range, of: weight.rows, rows: x.rows)
      let reference = try ProductReference(
        m: x.rows, n: range.count, k: x.columns, a: x.memory, weight: block, format: weight.format)
      error = max(error, reference.largestErrorOverBound(of: part, rows: rows, rounding: kernels))
      if isSample {
        error = max(error, reference.residualOverBound(of: part, seed: seed, rounding: kernels))
      }

      let panels = try host.makeWeight(block, rows: range.count, order: order, format: weight.format)
      let memory = try host.allocate(byteCount: part.byteCount)
      try host.multiply(
        try Product(
          try MatrixView(memoryX, rows: x.rows, columns: x.columns), panels,
          into: try MatrixView(memory, rows: x.rows, columns: range.count)))
      let expected = HostMemory(byteCount: part.byteCount)
      try host.read(memory, at: 0, byteCount: part.byteCount, into: expected, at: 0)
      try await host.finish()
      equal = equal && expected.hasSameBytes(as: part)
    }
    largestErrorOverBound = error
    sameBits = equal
    mayRound = !kernels.isEmpty
  }

  /// All rows where that is cheap, else single rows that follow from `seed`, the first and the last among them.
  private static func judgedRows(m: Int, n: Int, k: Int, seed: UInt64, operations: Int) -> [Range<Int>] {
    let affordable = max(8, operations / max(1, n.multipliedReportingOverflow(by: k).partialValue))
    guard affordable < m else { return [0..<m] }
    let numbers = SeededNumbers(seed: seed, name: "rows")
    let chosen = Set((0..<affordable - 2).map { Int(numbers[$0] % UInt64(m)) }).union([0, m - 1])
    return chosen.sorted().map { $0..<$0 + 1 }
  }
}

extension HostMemory {
  /// Columns `range` of a row-major f32 matrix of `width` columns.
  fileprivate func columns(_ range: Range<Int>, of width: Int, rows: Int) -> HostMemory {
    if range.count == width { return self }
    let part = HostMemory(byteCount: 4 * rows * range.count)
    withBytes { source in
      part.withMutableBytes { target in
        for row in 0..<rows {
          let start = 4 * (row * width + range.lowerBound)
          UnsafeMutableRawBufferPointer(rebasing: target[4 * row * range.count..<4 * (row + 1) * range.count])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + 4 * range.count]))
        }
      }
    }
    return part
  }

  /// Whether both have the same bytes.
  func hasSameBytes(as other: HostMemory) -> Bool {
    byteCount == other.byteCount
      && withBytes { mine in
        other.withBytes { theirs in
          guard let a = mine.baseAddress, let b = theirs.baseAddress, byteCount > 0 else { return true }
          return memcmp(a, b, byteCount) == 0
        }
      }
  }
}
