// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Softmax of each row of scores, of x · scale or softCap · tanh(x · scale / softCap); nothing moves.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | rows × columns | `.replicate` or `.shard(0)` |
/// | result | rows × columns | that of `x`, with the same bits on every mesh |
///
/// Masks are those of the operation on one device (`Softmax`).
/// - Throws: `ShardingError.noOperationRule` for a placement without whole rows; `ComputeError.mismatch` for a cap that is
///   not positive and finite; the driver's error.
public func softmax(_ x: ShardedTensor, scale: Float = 1, softCap: Float? = nil) async throws -> ShardedTensor {
  _ = try PlacementRules.rows(x.placement, operation: "a softmax")
  let result = try ShardedTensor(on: x.mesh, rows: x.rows, columns: x.columns, distribution: x.distribution)
  try await softmax(x, scale: scale, softCap: softCap, into: result)
  return result
}

/// The same into an existing tensor, which may be x itself; allocates nothing.
///
/// - Throws: `ShardingError` as above, and where `result` is spread differently.
public func softmax(
  _ x: ShardedTensor, scale: Float = 1, softCap: Float? = nil, into result: ShardedTensor
) async throws {
  _ = try PlacementRules.rows(x.placement, operation: "a softmax")
  try x.checkSame(result, "the result")
  for rank in x.mesh.ranks {
    let rows = try Softmax(
      of: x.piece(of: rank.index), scale: scale, softCap: softCap, into: result.piece(of: rank.index))
    try await rank.device.enqueue { try rank.device.softmax(rows) }
    try rank.device.flush()
  }
}
