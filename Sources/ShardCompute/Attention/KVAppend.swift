// SPDX-License-Identifier: Apache-2.0

/// Puts the keys and values of a plan's rows into a cache, each at the place of its sequence, and on the way turns keys, and
/// queries, by rotary embedding: one command.
///
/// The rows of a sequence are its last keys. Only what lies in this cache is stored, where keys are cut over ranks.
///
/// | operand | shape | type |
/// | --- | --- | --- |
/// | `keys` | rows × kvHeads · keySize, row-major | f32 |
/// | `values` | rows × kvHeads · valueSize, row-major | f32 |
/// | `queries` | rows × queryHeads · keySize, row-major | f32, turned in place |
public struct KVAppend: Sendable {
  /// Which row belongs where.
  public let plan: AttentionPlan
  /// New keys, as they come from a product.
  public let keys: MatrixView
  /// New values.
  public let values: MatrixView
  /// Queries to turn.
  public let queries: MatrixView?
  /// The angles of rotary embedding, for all positions of the plan; nil for none.
  public let angles: RotaryAngles?
  /// Where they go.
  public let cache: KVCache

  /// Checks that the operands belong together; that the plan's rows and positions are there is checked when it runs.
  ///
  /// - Throws: `ComputeError.mismatch` with the shapes.
  public init(
    _ plan: AttentionPlan, keys: MatrixView, values: MatrixView, rotating queries: MatrixView? = nil,
    by angles: RotaryAngles? = nil, into cache: KVCache
  ) throws {
    let heads = plan.heads
    guard cache.heads == heads, cache.blockLength == plan.blockLength, cache.blocks == plan.blocks else {
      throw ComputeError.mismatch(
        "a cache of \(cache.heads) in \(cache.blocks) blocks of \(cache.blockLength), a plan for \(heads) in "
          + "\(plan.blocks) of \(plan.blockLength)")
    }
    try keys.checkRowMajor("keys", columns: heads.keyColumns)
    try values.checkRowMajor("values", rows: keys.rows, columns: heads.valueColumns)
    try queries?.checkRowMajor("queries", rows: keys.rows, columns: heads.queryColumns)
    if let angles, angles.rotary.size > heads.keySize {
      throw ComputeError.mismatch("rotary embedding of \(angles.rotary.size) numbers in heads of \(heads.keySize)")
    }
    self.plan = plan
    self.keys = keys
    self.values = values
    self.queries = angles == nil ? nil : queries
    self.angles = angles
    self.cache = cache
  }

  /// The records of the plan, which the operands must have rows and positions for.
  func records() throws -> AttentionPlan.State {
    let current = try plan.current()
    guard current.records.rows <= keys.rows else {
      throw ComputeError.mismatch("a plan for \(current.records.rows) rows, keys and values have \(keys.rows)")
    }
    guard current.records.canAppend else {
      throw ComputeError.mismatch("a sequence with more queries than keys; those of its last keys are appended")
    }
    if let angles, current.records.lastPosition >= angles.count {
      throw ComputeError.mismatch(
        "position \(current.records.lastPosition) with rotary angles for \(angles.count) positions")
    }
    return current
  }
}
