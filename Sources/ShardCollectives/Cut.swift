// SPDX-License-Identifier: Apache-2.0

/// How a row-major matrix of `rows` × `columns` is cut over ranks: rank r has `counts[r]` consecutive elements of
/// each row, and holds them as a row-major matrix of `rows` × `counts[r]`.
///
/// One row is the usual one-dimensional form. Counts may differ, and may be zero.
public struct Cut: Hashable, Sendable {
  /// Rows of the whole, and of each piece.
  public let rows: Int
  /// Elements of a row, by rank.
  public let counts: [Int]

  /// Pieces of `rows` × `counts[r]`. The communicator checks the values.
  public init(rows: Int = 1, counts: [Int]) {
    self.rows = rows
    self.counts = counts
  }

  /// `columns` elements of each row over `ranks` ranks, as even as possible: the first ranks have one more.
  public static func even(_ columns: Int, ranks: Int, rows: Int = 1) -> Cut {
    let ranks = max(1, ranks)
    return Cut(
      rows: rows, counts: (0..<ranks).map { columns / ranks + ($0 < columns % ranks ? 1 : 0) })
  }

  /// Elements of a row of the whole.
  public var columns: Int { counts.reduce(0, &+) }
  /// Elements of the whole.
  public var count: Int { rows &* columns }

  /// Where a rank's elements begin in a row of the whole.
  func start(_ rank: Int) -> Int { counts[..<rank].reduce(0, &+) }

  /// Where a rank's piece begins in the whole, where it lies there in one run; nil where rows separate its elements.
  func contiguousStart(_ rank: Int) -> Int? {
    rows <= 1 || counts[rank] == columns ? start(rank) : nil
  }

  /// Throws unless there is one count for each of `ranks` ranks and all sizes are representable.
  func check(ranks: Int) throws(CollectiveError) {
    guard counts.count == ranks else {
      throw .rankCount(what: "counts of the cut", given: counts.count, ranks: ranks)
    }
    var columns = 0
    for count in counts { columns = try sum(columns, try checkedSize(count, "elements of a rank")) }
    _ = try product(try checkedSize(rows, "rows"), columns)
  }
}

/// `size`, checked not to be negative.
func checkedSize(_ size: Int, _ what: String) throws(CollectiveError) -> Int {
  guard size >= 0 else { throw .size(what: what, size) }
  return size
}

/// The sum of two sizes.
func sum(_ a: Int, _ b: Int) throws(CollectiveError) -> Int {
  let (sum, overflow) = a.addingReportingOverflow(b)
  guard !overflow else { throw .overflow(a, "+", b) }
  return sum
}

/// The product of two sizes.
func product(_ a: Int, _ b: Int) throws(CollectiveError) -> Int {
  let (product, overflow) = a.multipliedReportingOverflow(by: b)
  guard !overflow else { throw .overflow(a, "×", b) }
  return product
}
