// SPDX-License-Identifier: Apache-2.0

/// Softmax of each row of a matrix, of the columns that no mask hides.
///
/// | step | |
/// | --- | --- |
/// | v = x · scale, or softCap · tanh(x · scale / softCap) | |
/// | m = max v | of the columns that count |
/// | e = exp(v − m), s = Σ e | in the order of `Kernels/common/rows` |
/// | result = e · (1 / s) | 0 in columns that do not count |
///
/// f32, row-major, the same bits on every device; the result may be exactly x. A row in which nothing counts, or all that
/// counts is −∞, becomes zeros. NaN and +∞ make a row NaN, as the definition says.
public struct Softmax: Sendable {
  /// The scores.
  public let x: MatrixView
  /// Where not nil: rows are the queries of matrices of so many rows, one below the other, and query q counts columns up
  /// to columns − queries + q (causal, aligned at the lower right).
  public let queries: Int?
  /// How many columns of each row count at most; nil for all.
  public let lengths: IndexVector?
  /// The result.
  public let result: MatrixView
  let scale: ScoreScale

  /// Checks that the operands belong together.
  ///
  /// - Parameters:
  ///   - softCap: positive; bounds scores (Gemma 2).
  ///   - queries: rows of one matrix, for a causal mask; nil for none.
  ///   - lengths: a number for each row, for a mask of what is beyond; below zero counts as zero.
  /// - Throws: `ComputeError.mismatch` with the shapes, for a cap that is not positive and finite, or operands that
  ///   overlap.
  public init(
    of x: MatrixView, scale: Float = 1, softCap: Float? = nil, causalOver queries: Int? = nil,
    lengths: IndexVector? = nil, into result: MatrixView
  ) throws {
    try x.checkRows("x", rows: x.rows, columns: x.columns)
    try result.checkRows("a result", rows: x.rows, columns: x.columns)
    try result.checkOverlap("the result", with: x, "x", allowsSame: true)
    if let queries, queries < 1 || !x.rows.isMultiple(of: queries) {
      throw ComputeError.mismatch("matrices of \(queries) queries in one of \(x.rows) rows")
    }
    if let lengths, lengths.count != x.rows {
      throw ComputeError.mismatch("\(lengths.count) lengths for a matrix of \(x.rows) rows; each has one")
    }
    self.x = x
    self.scale = try ScoreScale(scale, softCap: softCap)
    self.queries = queries
    self.lengths = lengths
    self.result = result
  }
}
