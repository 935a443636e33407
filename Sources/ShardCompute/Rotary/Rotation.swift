// SPDX-License-Identifier: Apache-2.0

/// Rotary position embedding of the heads in each row of a matrix: what `KVAppend` does with keys and queries on their
/// way, as an operation of its own, with the same bits.
///
/// Su et al. 2021, https://arxiv.org/abs/2104.09864. A row is a token. A pair of numbers (x₀, x₁) of a head, of which
/// `Rotary` says the angle φ at the row's position, becomes (x₀ · cos φ − x₁ · sin φ, x₁ · cos φ + x₀ · sin φ), where
/// the second product is rounded, and then the sum. Numbers from `Rotary.size` on stay as they are.
///
/// | operand | shape | type |
/// | --- | --- | --- |
/// | `x` | tokens × heads · headSize, row-major | f32 |
/// | `angles` | those of positions 0 ..< `RotaryAngles.count` | |
/// | `positions` | the first row's, or one for each row | Int32 |
/// | `result` | tokens × heads · headSize, row-major | f32; may be exactly x |
///
/// Sines and cosines were rounded once, on the host (`RotaryAngles`), so that bits are the same on every device.
public struct Rotation: Sendable {
  /// Where the rows are in their sequences.
  public enum Positions: Sendable {
    /// Row i is at this position + i.
    case from(Int)
    /// Each row is at its own position, which the device reads: a row below 0 belongs to no sequence and stays as it
    /// is; at a position without angles all numbers that would be turned become NaN.
    case each(IndexVector)
  }

  /// What is turned.
  public let x: MatrixView
  /// Columns of a head.
  public let headSize: Int
  /// The angles of all positions.
  public let angles: RotaryAngles
  /// Where the rows are.
  public let positions: Positions
  /// The result.
  public let result: MatrixView

  /// Checks that the operands belong together.
  ///
  /// - Throws: `ComputeError.mismatch` with the values: for a head size that is odd, does not divide the columns or is
  ///   below `Rotary.size`; for positions without angles, or not as many of them as rows; for operands that overlap.
  public init(
    of x: MatrixView, headSize: Int, by angles: RotaryAngles, at positions: Positions = .from(0),
    into result: MatrixView
  ) throws {
    try x.checkRows("x", rows: x.rows, columns: x.columns)
    try angles.rotary.check(headSize: headSize)
    guard x.columns.isMultiple(of: headSize) else {
      throw ComputeError.mismatch("heads of \(headSize) columns in a matrix of \(x.rows) × \(x.columns)")
    }
    switch positions {
    case .from(let first): try angles.check(first: first, rows: x.rows)
    case .each(let vector):
      guard vector.count == x.rows else {
        throw ComputeError.mismatch("\(vector.count) positions for a matrix of \(x.rows) rows; each has one")
      }
    }
    try result.checkRows("a result", rows: x.rows, columns: x.columns)
    try result.checkOverlap("the result", with: x, "x", allowsSame: true)
    self.x = x
    self.headSize = headSize
    self.angles = angles
    self.positions = positions
    self.result = result
  }

  /// Heads in a row.
  var heads: Int { x.columns / headSize }

  /// The first row's position, or the list of all.
  var start: (first: Int32, vector: IndexVector?) {
    switch positions {
    case .from(let first): (Int32(clamping: first), nil)
    case .each(let vector): (0, vector)
    }
  }

  /// Throws unless kernels can count rows, columns and positions.
  func checkSizes() throws {
    try checkKernelSizes(x.rows, x.columns)
    guard angles.count <= Int(Int32.max) - 64 else {
      throw ComputeError.unsupported("rotary angles for \(angles.count) positions; kernels count in 31 bits")
    }
  }
}

extension Rotary {
  /// Throws unless heads of `headSize` numbers have pairs to turn.
  package func check(headSize: Int) throws {
    guard headSize > 0, headSize.isMultiple(of: 2) else {
      throw ComputeError.mismatch("rotary embedding of heads of \(headSize) numbers; they come in pairs")
    }
    guard size <= headSize else {
      throw ComputeError.mismatch("rotary embedding of \(size) numbers in heads of \(headSize)")
    }
  }
}

extension RotaryAngles {
  /// Throws unless there are angles for `rows` positions from `first` on.
  package func check(first: Int, rows: Int) throws {
    guard first >= 0, first <= count, rows <= count - first else {
      throw ComputeError.mismatch("\(rows) positions from \(first) on with rotary angles for \(count) positions")
    }
  }
}
