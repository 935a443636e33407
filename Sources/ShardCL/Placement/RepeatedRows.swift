// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Runs of rows of a matrix, one after the other, some of them more than once: for ranks that need the same rows.
public struct RepeatedRows<Source: MatrixSource>: MatrixSource {
  /// Where rows come from.
  public let source: Source
  /// The rows of each run.
  public let runs: [Range<Int>]

  /// Rows of all runs.
  public let rows: Int
  /// Columns of each.
  public var columns: Int { source.columns }
  /// How they are stored.
  public var format: WeightFormat { source.format }

  /// Parts `parts` of a matrix that is made of parts of `size` rows.
  ///
  /// - Throws: `ShardingError.shapeMismatch` where the matrix has not all of them.
  public init(_ source: Source, parts: [Range<Int>], of size: Int) throws {
    runs = try parts.map { try checkedProduct($0.lowerBound, size)..<checkedProduct($0.upperBound, size) }
    let last = runs.map(\.upperBound).max() ?? 0
    guard last == source.rows || runs.allSatisfy(\.isEmpty) else {
      throw ShardingError.shapeMismatch("rows up to \(last) of a matrix of \(source.rows) × \(source.columns)")
    }
    rows = try runs.reduce(0) { try checkedSum($0, $1.count) }
    self.source = source
  }

  /// The rows of a part; copied where they do not lie side by side in the source.
  public func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows else {
      throw ShardingError.shapeMismatch("rows \(rows) of a matrix of \(self.rows) × \(self.columns)")
    }
    var (pieces, start): ([Range<Int>], Int) = ([], 0)
    for run in runs {
      let inside = rows.clamped(to: start..<start + run.count)
      if !inside.isEmpty {
        let first = run.lowerBound + inside.lowerBound - start
        if let last = pieces.last, last.upperBound == first {
          pieces[pieces.count - 1] = last.lowerBound..<first + inside.count
        } else {
          pieces.append(first..<first + inside.count)
        }
      }
      start += run.count
    }
    if pieces.count == 1 { return try source.block(rows: pieces[0], columns: columns) }
    let blocks = try pieces.map { try source.block(rows: $0, columns: columns) }
    let whole = HostMemory(byteCount: blocks.reduce(0) { $0 + $1.byteCount })
    whole.withMutableBytes { target in
      var at = 0
      for block in blocks {
        block.withBytes { target[at..<at + $0.count].copyBytes(from: $0) }
        at += block.byteCount
      }
    }
    return whole
  }
}
