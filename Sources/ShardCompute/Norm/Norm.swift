// SPDX-License-Identifier: Apache-2.0

/// RMSNorm or LayerNorm of each row of a matrix, where asked of what a residual makes of it, or of each head in a row.
///
/// RMSNorm: Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467. LayerNorm: Ba et al. 2016,
/// https://arxiv.org/abs/1607.06450. With rows of n elements (those of a head where there is a `headSize`), in this order
/// and with the same bits on every device:
///
/// | step | operands |
/// | --- | --- |
/// | x += delta, stored | both rows × columns |
/// | μ = Σ x · (1 / n) for `.layer`, 0 for `.rms` | |
/// | r = 1 / √(Σ (x − μ)² · (1 / n) + ε) | |
/// | result = (x − μ) · r · (weightOffset + weight) + bias | rows × columns; weight and bias 1 × n |
///
/// All are f32 and row-major. Sums have the order of `Kernels/common/rows`. The result may be exactly x, or where there is
/// one exactly delta, which is then overwritten.
public struct Norm: Sendable {
  /// What a row is divided by.
  public enum Kind: String, CaseIterable, Hashable, Sendable, Codable {
    /// The root of the mean square.
    case rms
    /// The standard deviation, once the mean is gone.
    case layer
  }

  /// What a row is divided by.
  public let kind: Kind
  /// What is normed; `delta` is added to it where there is one.
  public let x: MatrixView
  /// What is added to x first.
  public let delta: MatrixView?
  /// A factor for each column; nil for none.
  public let weight: MatrixView?
  /// What is added to each weight: 1 in Gemma's models, 0 in others.
  public let weightOffset: Float
  /// An addend for each column; nil for none.
  public let bias: MatrixView?
  /// ε.
  public let epsilon: Float
  /// Columns that are normed together: all of them, or those of a head.
  public let headSize: Int
  /// The result.
  public let result: MatrixView

  /// Checks that the operands belong together.
  ///
  /// - Parameter headSize: norms each run of so many columns as a row of its own, all with the same weight: a query and
  ///   key norm.
  /// - Throws: `ComputeError.mismatch` with the shapes, for a head size that does not divide the columns, or for operands
  ///   that overlap.
  public init(
    _ kind: Kind, of x: MatrixView, adding delta: MatrixView? = nil, weight: MatrixView? = nil,
    weightOffset: Float = 0, bias: MatrixView? = nil, epsilon: Float, headSize: Int? = nil, into result: MatrixView
  ) throws {
    let size = headSize ?? x.columns
    guard headSize == nil || size > 0 && x.columns.isMultiple(of: size) else {
      throw ComputeError.mismatch("heads of \(size) columns in a matrix of \(x.rows) × \(x.columns)")
    }
    try x.checkRows("x", rows: x.rows, columns: x.columns)
    try delta?.checkRows("delta", rows: x.rows, columns: x.columns)
    try weight?.checkRows("a weight", rows: 1, columns: size)
    try bias?.checkRows("a bias", rows: 1, columns: size)
    try result.checkRows("a result", rows: x.rows, columns: x.columns)
    try result.checkOverlap("the result", with: x, "x", allowsSame: delta == nil)
    if let delta {
      try result.checkOverlap("the result", with: delta, "delta", allowsSame: true)
      try x.checkOverlap("x", with: delta, "delta", allowsSame: false)
    }
    for row in [weight, bias].compactMap(\.self) {
      try result.checkOverlap("the result", with: row, "a weight or bias", allowsSame: false)
      if delta != nil { try x.checkOverlap("x", with: row, "a weight or bias", allowsSame: false) }
    }
    self.kind = kind
    self.x = x
    self.delta = delta
    self.weight = weight
    self.weightOffset = weightOffset
    self.bias = bias
    self.epsilon = epsilon
    self.headSize = size
    self.result = result
  }

  /// Rows that are normed one by one.
  var rows: Int { x.rows * heads }
  /// Of them in a row of the matrix.
  var heads: Int { headSize == 0 ? 1 : x.columns / headSize }
  /// 1 / n.
  var inverseCount: Float { Float(1 / Double(headSize)) }
}
