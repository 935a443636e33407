// SPDX-License-Identifier: Apache-2.0

/// The k largest values of each row of a matrix, or of the candidates that several matrices made.
///
/// Values are x · scale, or softCap · tanh(x · scale / softCap). Larger ones come first, and of equal ones that of the
/// lower column; −0 equals +0, NaN is above +∞, and NaNs are equal. So the result is the same however columns are cut, and
/// on every device. A row of fewer than k columns has fewer candidates.
public struct TopK: Sendable {
  /// The most candidates of a row.
  public static let maximum = 256

  /// Candidates of each row of the result.
  public let k: Int
  /// The result.
  public let result: CandidateMatrix
  /// Where the columns go too, −1 where there is no candidate; nil for nowhere.
  public let ids: IndexVector?
  let source: Source

  enum Source: Sendable {
    case matrix(MatrixView, firstIndex: Int, ScoreScale)
    case candidates(CandidateMatrix)
  }

  /// The largest values of each row of `x`, f32 and row-major, whose column 0 is column `firstIndex` of the whole.
  ///
  /// - Throws: `ComputeError.mismatch` with the shapes, for a k that is not in 1 ... `maximum`, for columns beyond 31 bits,
  ///   a cap that is not positive and finite, or candidates in the memory of `x`.
  public init(
    _ k: Int, of x: MatrixView, firstIndex: Int = 0, scale: Float = 1, softCap: Float? = nil,
    into result: CandidateMatrix, ids: IndexVector? = nil
  ) throws {
    try x.checkRows("x", rows: x.rows, columns: x.columns)
    let (end, overflow) = firstIndex.addingReportingOverflow(x.columns)
    guard firstIndex >= 0, !overflow, end <= Int(Int32.max) else {
      throw ComputeError.mismatch("columns \(firstIndex)..<\(end) of a row; at most \(Int32.max) are possible")
    }
    try self.init(
      k, .matrix(x, firstIndex: firstIndex, try ScoreScale(scale, softCap: softCap)), rows: x.rows, result, ids)
    guard x.memory !== result.memory || x.rows * x.columns == 0 else {
      throw ComputeError.mismatch("candidates in the memory of the matrix; they lie elsewhere")
    }
  }

  /// The first of each row's candidates, in any order, those of other parts among them.
  ///
  /// - Throws: `ComputeError.mismatch` as above, or where source and result are in one memory.
  public init(
    _ k: Int, merging candidates: CandidateMatrix, into result: CandidateMatrix, ids: IndexVector? = nil
  ) throws {
    guard candidates.memory !== result.memory || candidates.rows * candidates.count == 0 else {
      throw ComputeError.mismatch("candidates merged into their own memory; the result lies elsewhere")
    }
    try self.init(k, .candidates(candidates), rows: candidates.rows, result, ids)
  }

  private init(_ k: Int, _ source: Source, rows: Int, _ result: CandidateMatrix, _ ids: IndexVector?) throws {
    guard (1...Self.maximum).contains(k), result.rows == rows, result.count == k else {
      throw ComputeError.mismatch(
        "the \(k) largest of \(rows) rows into \(result.rows) × \(result.count) candidates; "
          + "k is 1 to \(Self.maximum), the result rows × k")
    }
    if let ids, ids.count != rows * k {
      throw ComputeError.mismatch("\(ids.count) ids for \(rows) × \(k) candidates; each has one")
    }
    self.k = k
    self.source = source
    self.result = result
    self.ids = ids
  }

  /// Rows of source and result.
  var rows: Int { result.rows }
  /// Columns of the matrix, or candidates of a row.
  var columns: Int {
    switch source {
    case .matrix(let x, _, _): x.columns
    case .candidates(let candidates): candidates.count
    }
  }
}
