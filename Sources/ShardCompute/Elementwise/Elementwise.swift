// SPDX-License-Identifier: Apache-2.0

/// result = activation(x) · up · scale, element by element: activations, gates, and factors.
///
/// | operand | shape | |
/// | --- | --- | --- |
/// | x | rows × columns | columns 1 or 2 elements apart, rows one after the other |
/// | up | rows × columns | the same; without it there is no such factor |
/// | result | rows × columns | row-major |
///
/// f32, with the same bits on every device. A gated unit (GLU: Shazeer 2020, https://arxiv.org/abs/2002.05202) has gate
/// and up in two matrices, in the halves of one (`MatrixView.halves()`), or in its columns by turns
/// (`MatrixView.pairs()`). The result may be exactly x or up where their columns are 1 apart.
///
/// A sum of two matrices is a `Reduction`.
public struct Elementwise: Sendable {
  /// What becomes of each element of x.
  public let activation: Epilogue.Activation
  /// The operand of the activation: the gate.
  public let x: MatrixView
  /// What the activated elements are multiplied by; nil for nothing.
  public let up: MatrixView?
  /// The last factor.
  public let scale: Float
  /// The result.
  public let result: MatrixView

  /// Checks that the operands belong together.
  ///
  /// - Throws: `ComputeError.mismatch` with shapes and strides, or for operands that overlap.
  public init(
    _ activation: Epilogue.Activation = .none, of x: MatrixView, times up: MatrixView? = nil, scale: Float = 1,
    into result: MatrixView
  ) throws {
    for operand in [x, up].compactMap(\.self) {
      guard operand.rows == x.rows, operand.columns == x.columns, operand.elementType == .f32,
        operand.columns <= 1 || [1, 2].contains(operand.columnStride) && operand.columnStride == x.columnStride,
        operand.hull.isRowMajor
      else {
        throw ComputeError.mismatch(
          "x of \(x.rows) × \(x.columns) with strides \(x.rowStride) and \(x.columnStride), and an operand of "
            + "\(operand.rows) × \(operand.columns) \(operand.elementType) with strides \(operand.rowStride) and "
            + "\(operand.columnStride); both are f32 of one shape, columns 1 or 2 elements apart")
      }
    }
    try result.checkRows("a result", rows: x.rows, columns: x.columns)
    let inPlace = x.columnStride == 1 || x.columns <= 1
    try result.checkOverlap("the result", with: x.hull, "x", allowsSame: inPlace)
    if let up { try result.checkOverlap("the result", with: up.hull, "up", allowsSame: inPlace) }
    self.activation = activation
    self.x = x
    self.up = up
    self.scale = scale
    self.result = result
  }

  /// Elements from one column of the operands to the next.
  var step: Int { x.columns <= 1 ? 1 : x.columnStride }

  /// The rows and columns to loop over: one row where no matrix has gaps.
  var extent: (rows: Int, columns: Int) {
    let isDense = [x, up, result].compactMap(\.self).allSatisfy { $0.rowStride == $0.columns && $0.columnStride == 1 }
    return isDense ? (1, x.rows * x.columns) : (x.rows, x.columns)
  }
}

extension MatrixView {
  /// The left and the right half of the columns: a gate and its up.
  ///
  /// - Throws: `ComputeError.mismatch` for an odd number of columns.
  public func halves() throws -> (MatrixView, MatrixView) {
    try checkEven()
    return (try columns(0..<columns / 2), try columns(columns / 2..<columns))
  }

  /// The even and the odd columns: a gate and its up.
  ///
  /// - Throws: `ComputeError.mismatch` for an odd number of columns.
  public func pairs() throws -> (MatrixView, MatrixView) {
    try checkEven()
    func every(second first: Int) throws -> MatrixView {
      try MatrixView(
        memory, rows: rows, columns: columns / 2, rowStride: rowStride, columnStride: 2 * columnStride,
        offset: rows == 0 || columns == 0 ? offset : offset + first * columnStride, elementType: elementType)
    }
    return (try every(second: 0), try every(second: 1))
  }

  private func checkEven() throws {
    guard columns.isMultiple(of: 2) else {
      throw ComputeError.mismatch("two matrices in \(columns) columns; it must be an even number")
    }
  }

  /// The matrix with the columns between its columns.
  fileprivate var hull: MatrixView {
    guard columns > 1, columnStride > 1,
      let hull = try? MatrixView(
        memory, rows: rows, columns: (columns - 1) * columnStride + 1, leadingDimension: rowStride, offset: offset,
        elementType: elementType)
    else { return self }
    return hull
  }
}
