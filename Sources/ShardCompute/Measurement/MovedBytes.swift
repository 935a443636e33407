// SPDX-License-Identifier: Apache-2.0

// The bytes that an operation between products has to move, every operand read or written once: what its speed is
// measured against.

extension Norm {
  /// x, delta and the result, and x once more where delta is added; weights are read once for all rows.
  public var movedByteCount: Int {
    let rows = 4 * x.rows * x.columns * (delta == nil ? 2 : 4)
    return rows + 4 * headSize * [weight, bias].compactMap(\.self).count
  }
}

extension Softmax {
  /// The scores and the result.
  public var movedByteCount: Int { 8 * x.rows * x.columns }
}

extension Rotation {
  /// The matrix and the result; angles are read once for all heads of a row, positions with them.
  public var movedByteCount: Int {
    let row = 8 * x.columns + 4 * angles.rotary.size
    guard case .each = positions else { return x.rows * row }
    return x.rows * (row + 4)
  }
}

extension Elementwise {
  /// The operands and the result.
  public var movedByteCount: Int { 4 * x.rows * x.columns * (up == nil ? 2 : 3) }
}

extension LookUp {
  /// The ids, their rows as they are stored, and the result.
  public var movedByteCount: Int {
    let row = weight.columns / weight.format.blockLength * weight.format.panelBlockByteCount
    return ids.count * (4 + row + 4 * weight.columns)
  }
}

extension TopK {
  /// The logits or candidates, and the result.
  public var movedByteCount: Int {
    let read =
      switch source {
      case .matrix(let x, _, _): 4 * x.rows * x.columns
      case .candidates(let candidates): 8 * candidates.rows * candidates.count
      }
    return read + 8 * rows * k
  }
}

extension LeafSums {
  /// The logits and the nodes.
  public var movedByteCount: Int { 4 * x.rows * x.columns + 8 * x.rows * Self.leaves(of: x.columns) }
}
