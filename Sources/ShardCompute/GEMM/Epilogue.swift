// SPDX-License-Identifier: Apache-2.0

/// What a product does with its sums before it stores them, for the price of the bytes that it reads.
///
/// With v = α · A · Wᵀ + β · C, in this order and with the same bits on every device:
///
/// | step | operand |
/// | --- | --- |
/// | v += bias | 1 × n, f32 |
/// | v = activation(v) | |
/// | v += residual | the shape of C, f32, row-major, in memory other than C's |
///
/// A *gated* product (GLU: Shazeer 2020, https://arxiv.org/abs/2002.05202) takes columns in pairs: C is m × n / 2, and its
/// element (i, j) is activation(v[i, 2j]) · v[i, 2j + 1] + residual[i, j]. Rows of the weight's two matrices alternate,
/// the gate first. β is zero.
///
/// An epilogue follows the whole sum, so the weight holds all leaves of its order.
public struct Epilogue: Sendable {
  /// A function of one element. Largest errors: `Kernels/common/functions`. NaN stays NaN.
  public enum Activation: String, Hashable, Sendable, CaseIterable {
    /// v
    case none
    /// max(v, 0)
    case relu
    /// max(v, 0)²
    case reluSquared
    /// v / (1 + e⁻ᵛ); −∞ gives −0, as in the two below.
    case silu
    /// v / 2 · (1 + erf(v / √2))
    case gelu
    /// v / 2 · (1 + tanh(√(2 / π) · (v + 0.044715 · v³)))
    case geluTanh
  }

  /// Added to every row.
  public var bias: MatrixView?
  /// What becomes of each element, or of each gate.
  public var activation: Activation
  /// Whether columns come in pairs.
  public var isGated: Bool
  /// Added last.
  public var residual: MatrixView?
  /// Elements from one product's bias to the next one's in a batch; 0 where they share it.
  public var biasStride: Int
  /// The same of the residual.
  public var residualStride: Int

  /// The steps that are given; bias and residual are those of the first product of a batch.
  public init(
    bias: MatrixView? = nil, activation: Activation = .none, isGated: Bool = false, residual: MatrixView? = nil,
    biasStride: Int = 0, residualStride: Int = 0
  ) {
    self.bias = bias
    self.activation = activation
    self.isGated = isGated
    self.residual = residual
    self.biasStride = biasStride
    self.residualStride = residualStride
  }

  /// No steps: the product stores its sums.
  public static let none = Epilogue()

  /// Whether there are no steps.
  public var isNone: Bool { bias == nil && activation == .none && !isGated && residual == nil }

  /// Columns of C for `n` rows of a weight.
  func resultColumns(_ n: Int) -> Int { isGated ? n / 2 : n }

  /// Columns of C for rows `range` of a weight; pieces of a weight begin with a panel, which has whole pairs.
  func resultColumns(_ range: Range<Int>) -> Range<Int> {
    resultColumns(range.lowerBound)..<resultColumns(range.upperBound)
  }

  /// The steps of the columns that rows `range` of the weight make, in the products of a batch from `product` on.
  func columns(_ range: Range<Int>, of product: Int) throws -> Epilogue {
    func operand(_ matrix: MatrixView?, _ stride: Int, _ columns: Range<Int>) throws -> MatrixView? {
      try matrix.map { try MatrixBatch($0, count: product + 1, stride: stride).matrix(product).columns(columns) }
    }
    return Epilogue(
      bias: try operand(bias, biasStride, range), activation: activation, isGated: isGated,
      residual: try operand(residual, residualStride, resultColumns(range)), biasStride: biasStride,
      residualStride: residualStride)
  }

  /// Throws unless there is a bias and a residual for each of `count` products of a batch.
  func check(count: Int) throws {
    if let bias { _ = try MatrixBatch(bias, count: count, stride: biasStride) }
    if let residual { _ = try MatrixBatch(residual, count: count, stride: residualStride) }
  }

  /// Throws unless the steps can follow a product with `weight` into `c`.
  func check(_ weight: Weight, _ c: MatrixView, beta: Float) throws {
    guard !isNone else { return }
    guard weight.leaves == SumOrder.allLeaves else {
      throw ComputeError.mismatch(
        "an epilogue of a weight with leaves \(weight.leaves) of \(SumOrder.allLeaves); "
          + "it must follow the reduction of all leaves")
    }
    if isGated, !weight.rows.isMultiple(of: 2) || beta != 0 {
      throw ComputeError.mismatch(
        "a gated product with a weight of \(weight.rows) rows and β = \(beta); rows come in pairs and β is 0")
    }
    if let bias {
      guard bias.rows == 1, bias.columns == weight.rows, bias.elementType == .f32,
        bias.columnStride == 1 || bias.columns <= 1
      else {
        throw ComputeError.mismatch(
          "a bias of \(bias.rows) × \(bias.columns) \(bias.elementType) with column stride \(bias.columnStride) for a "
            + "weight of \(weight.rows) rows; it must be 1 × \(weight.rows) f32, column stride 1")
      }
    }
    if let residual {
      guard residual.rows == c.rows, residual.columns == c.columns, residual.elementType == .f32,
        residual.columnStride == 1 || c.columns <= 1
      else {
        throw ComputeError.mismatch(
          "a residual of \(residual.rows) × \(residual.columns) \(residual.elementType) with column stride "
            + "\(residual.columnStride) for C of \(c.rows) × \(c.columns); it must be row-major f32 of that shape")
      }
    }
  }
}
