// SPDX-License-Identifier: Apache-2.0

/// The sums of exponentials of the leaves of each row: what a rank contributes to a `LogSumExp` over all ranks.
///
/// Columns of the whole row are cut into *leaves* of `leafLength`, counted from column 0; the matrix begins with one. The
/// node of a leaf is (m, s): the largest value, and the sum of exp(value − m) in the order of `Kernels/common/rows`.
/// Values are x · scale, or softCap · tanh(x · scale / softCap).
public struct LeafSums: Sendable {
  /// Columns of a leaf; the last one of a row may be shorter.
  public static let leafLength = 1024

  /// The logits: rows × columns, f32, row-major.
  public let x: MatrixView
  /// Room for a node of two floats for each leaf, row by row.
  public let nodes: DeviceMemory
  let scale: ScoreScale

  /// Checks that there is room for the nodes.
  ///
  /// - Throws: `ComputeError.mismatch`, also for a cap that is not positive and finite; `.outOfBounds`.
  public init(of x: MatrixView, scale: Float = 1, softCap: Float? = nil, into nodes: DeviceMemory) throws {
    try x.checkRows("x", rows: x.rows, columns: x.columns)
    try nodes.checkRange(0, Self.byteCount(rows: x.rows, leaves: Self.leaves(of: x.columns)))
    guard x.memory !== nodes || x.rows * x.columns == 0 else {
      throw ComputeError.mismatch("sums of leaves in the memory of the matrix; they lie elsewhere")
    }
    self.x = x
    self.nodes = nodes
    self.scale = try ScoreScale(scale, softCap: softCap)
  }

  /// Leaves of `columns` columns.
  public static func leaves(of columns: Int) -> Int { columns / leafLength + (columns % leafLength == 0 ? 0 : 1) }

  /// Bytes of the nodes of `leaves` leaves of each of `rows` rows.
  ///
  /// - Throws: `ComputeError.mismatch` for sizes that are negative or too large.
  public static func byteCount(rows: Int, leaves: Int) throws -> Int { try checkedProduct(rows, leaves, 8) }
}

/// log Σ exp of each row, from the nodes of all its leaves.
///
/// Nodes join to (m, s₁ · exp(m₁ − m) + s₂ · exp(m₂ − m)), m the larger one, as the carries of a binary counter do; what is
/// left over joins from the right. The result is m + log s: the same bits however the leaves were spread over ranks. A row
/// of nothing, or of −∞, makes −∞; one with +∞ makes +∞; one with NaN makes NaN.
public struct LogSumExp: Sendable {
  /// The nodes of the leaves of each row, in order.
  public let nodes: DeviceMemory
  /// Leaves of a row.
  public let leaves: Int
  /// The result: rows × 1, f32.
  public let result: MatrixView

  /// Checks that the nodes lie inside their memory.
  ///
  /// - Throws: `ComputeError.mismatch` for a result of other than one column; `.outOfBounds`.
  public init(of nodes: DeviceMemory, leaves: Int, into result: MatrixView) throws {
    try result.checkRows("a result", rows: result.rows, columns: 1)
    try nodes.checkRange(0, LeafSums.byteCount(rows: result.rows, leaves: leaves))
    guard nodes !== result.memory || result.rows * leaves == 0 else {
      throw ComputeError.mismatch("a log-sum in the memory of its nodes; the result lies elsewhere")
    }
    self.nodes = nodes
    self.leaves = leaves
    self.result = result
  }
}
