// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Runs of rows of a matrix, one after the other, some of them more than once: for ranks that need the same rows.
public struct RepeatedRows<Source: MatrixSource>: MatrixSource {
  /// Where rows come from.
  public let source: Source
  private let runs: RepeatedRuns

  /// Rows of all runs.
  public var rows: Int { runs.count }
  /// Columns of each.
  public var columns: Int { source.columns }
  /// How they are stored.
  public var format: WeightFormat { source.format }

  /// Parts `parts` of a matrix that is made of parts of `size` rows.
  ///
  /// - Throws: `ShardingError.shapeMismatch` where the matrix has not all of them.
  public init(_ source: Source, parts: [Range<Int>], of size: Int) throws {
    runs = try RepeatedRuns(parts, of: size)
    guard runs.last == source.rows || runs.count == 0 else {
      throw ShardingError.shapeMismatch("rows up to \(runs.last) of a matrix of \(source.rows) × \(source.columns)")
    }
    self.source = source
  }

  /// The rows of a part; copied where they do not lie side by side in the source.
  public func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows else {
      throw ShardingError.shapeMismatch("rows \(rows) of a matrix of \(self.rows) × \(self.columns)")
    }
    let pieces = runs.pieces(of: rows)
    if pieces.count == 1 { return try source.block(rows: pieces[0], columns: columns) }
    let blocks = try pieces.map { try source.block(rows: $0, columns: columns) }
    return HostMemory.joining(blocks, rows: 1)
  }
}

/// Runs of columns of a matrix side by side, some of them more than once: the biases of repeated rows of a weight.
public struct RepeatedColumns<Source: MatrixSource>: MatrixSource {
  /// Where columns come from.
  public let source: Source
  private let runs: RepeatedRuns

  /// Rows of the source.
  public var rows: Int { source.rows }
  /// Columns of all runs.
  public var columns: Int { runs.count }
  /// How they are stored.
  public var format: WeightFormat { source.format }

  /// Parts `parts` of a matrix that is made of parts of `size` columns.
  ///
  /// - Throws: `ShardingError.shapeMismatch` where the matrix has not all of them.
  public init(_ source: Source, parts: [Range<Int>], of size: Int) throws {
    runs = try RepeatedRuns(parts, of: size)
    guard runs.last == source.columns || runs.count == 0 else {
      throw ShardingError.shapeMismatch("columns up to \(runs.last) of a matrix of \(source.rows) × \(source.columns)")
    }
    self.source = source
  }

  /// The columns of a part; copied where they do not lie side by side in the source.
  public func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    guard columns.lowerBound >= 0, columns.upperBound <= self.columns else {
      throw ShardingError.shapeMismatch("columns \(columns) of a matrix of \(self.rows) × \(self.columns)")
    }
    let pieces = runs.pieces(of: columns)
    if pieces.count == 1 { return try source.block(rows: rows, columns: pieces[0]) }
    let blocks = try pieces.map { try source.block(rows: rows, columns: $0) }
    return HostMemory.joining(blocks, rows: rows.count)
  }
}

/// Ranges of a dimension that are put one after the other.
private struct RepeatedRuns: Sendable {
  let runs: [Range<Int>]
  /// Elements of all.
  let count: Int
  /// Where the last one ends in the source.
  let last: Int

  init(_ parts: [Range<Int>], of size: Int) throws {
    runs = try parts.map { try checkedProduct($0.lowerBound, size)..<checkedProduct($0.upperBound, size) }
    count = try runs.reduce(0) { try checkedSum($0, $1.count) }
    last = runs.map(\.upperBound).max() ?? 0
  }

  /// The ranges of the source that make up `range`, neighbours as one.
  func pieces(of range: Range<Int>) -> [Range<Int>] {
    var (pieces, start): ([Range<Int>], Int) = ([], 0)
    for run in runs {
      let inside = range.clamped(to: start..<start + run.count)
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
    return pieces
  }
}

extension HostMemory {
  /// Blocks of `rows` rows side by side.
  fileprivate static func joining(_ blocks: [HostMemory], rows: Int) -> HostMemory {
    let whole = HostMemory(byteCount: blocks.reduce(0) { $0 + $1.byteCount })
    guard rows > 0 else { return whole }
    let width = whole.byteCount / rows
    whole.withMutableBytes { target in
      var at = 0
      for block in blocks {
        let part = block.byteCount / rows
        block.withBytes { bytes in
          for row in 0..<rows {
            target[row * width + at..<row * width + at + part].copyBytes(from: bytes[row * part..<(row + 1) * part])
          }
        }
        at += part
      }
    }
    return whole
  }
}
