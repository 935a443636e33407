// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// activation(x) · scale, element by element; nothing moves.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | rows × columns | any but `.partial` |
/// | result | rows × columns | that of `x` |
///
/// - Throws: `ShardingError.noOperationRule` for a `.partial` tensor; the driver's error.
public func activate(
  _ x: ShardedTensor, by activation: Epilogue.Activation = .none, scale: Float = 1
) async throws -> ShardedTensor {
  let result = try x.emptyCopy("an activation")
  try await activate(x, by: activation, scale: scale, into: result)
  return result
}

/// The same into an existing tensor, which may be x itself; allocates nothing.
///
/// - Throws: `ShardingError` as above, and where `result` is spread differently.
public func activate(
  _ x: ShardedTensor, by activation: Epilogue.Activation = .none, scale: Float = 1, into result: ShardedTensor
) async throws {
  _ = try PlacementRules.elements(x.placement, operation: "an activation")
  try x.checkSame(result, "the result")
  try await x.mesh.apply { rank in
    try Elementwise(activation, of: x.piece(of: rank), scale: scale, into: result.piece(of: rank))
  }
}

/// activation(gate) · up, element by element: SwiGLU with `.silu`, GEGLU with `.gelu` or `.geluTanh`. Nothing moves.
///
/// Shazeer 2020, https://arxiv.org/abs/2002.05202.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `gate`, `up` | rows × columns | any but `.partial`, both alike |
/// | result | rows × columns | theirs |
///
/// A `ColumnParallelLinear` that is gated does the same inside its product.
/// - Throws: `ShardingError.noOperationRule` for a `.partial` tensor; `.partitionMismatch` where the operands are spread
///   differently; the driver's error.
public func gated(
  _ gate: ShardedTensor, _ up: ShardedTensor, by activation: Epilogue.Activation
) async throws -> ShardedTensor {
  let result = try gate.emptyCopy("a gate")
  try await gated(gate, up, by: activation, into: result)
  return result
}

/// The same into an existing tensor, which may be an operand itself; allocates nothing.
///
/// - Throws: `ShardingError` as above, and where `result` is spread differently.
public func gated(
  _ gate: ShardedTensor, _ up: ShardedTensor, by activation: Epilogue.Activation, into result: ShardedTensor
) async throws {
  _ = try PlacementRules.elements(gate.placement, operation: "a gate")
  try gate.checkSame(up, "up")
  try gate.checkSame(result, "the result")
  try await gate.mesh.apply { rank in
    try Elementwise(
      activation, of: gate.piece(of: rank), times: up.piece(of: rank), into: result.piece(of: rank))
  }
}

/// activation(gate) · up of a tensor whose columns are gates and ups by turns, as products with `InterleavedRows` make
/// them; cut by columns between pairs.
///
/// - Throws: `ShardingError` as above, and for a cut that separates a pair.
public func gatedPairs(_ pairs: ShardedTensor, by activation: Epilogue.Activation) async throws -> ShardedTensor {
  let result = try ShardedTensor(
    on: pairs.mesh, rows: pairs.rows, columns: pairs.columns / 2, distribution: pairs.halved())
  try await gatedPairs(pairs, by: activation, into: result)
  return result
}

/// The same into an existing tensor, which allocates nothing.
///
/// - Throws: `ShardingError` as above, and where `result` is spread differently.
public func gatedPairs(
  _ pairs: ShardedTensor, by activation: Epilogue.Activation, into result: ShardedTensor
) async throws {
  let distribution = try pairs.halved()
  guard result.mesh === pairs.mesh, result.rows == pairs.rows, result.columns == pairs.columns / 2,
    result.distribution == distribution
  else {
    throw ShardingError.partitionMismatch(
      "pairs \(pairs.rows) × \(pairs.columns) \(pairs.distribution) make \(pairs.rows) × \(pairs.columns / 2) "
        + "\(distribution); the result is \(result.rows) × \(result.columns) \(result.distribution)")
  }
  try await pairs.mesh.apply { rank in
    let (gate, up) = try pairs.piece(of: rank).pairs()
    return try Elementwise(activation, of: gate, times: up, into: result.piece(of: rank))
  }
}

extension ShardedTensor {
  /// A tensor like this one, contents undefined.
  fileprivate func emptyCopy(_ operation: String) throws -> ShardedTensor {
    _ = try PlacementRules.elements(placement, operation: operation)
    return try ShardedTensor(on: mesh, rows: rows, columns: columns, distribution: distribution)
  }

  /// How a tensor with half the columns is spread.
  fileprivate func halved() throws -> Distribution {
    _ = try PlacementRules.elements(placement, operation: "a gate")
    guard columns.isMultiple(of: 2) else {
      throw ShardingError.shapeMismatch("gates and ups in \(columns) columns; they come in pairs")
    }
    guard case .shard(1, let partition) = distribution else { return distribution }
    guard partition.borders.allSatisfy({ $0.isMultiple(of: 2) }) else {
      throw ShardingError.partitionMismatch("parts \(partition) of columns in pairs; no cut separates a pair")
    }
    return .shard(1, try .fromBorders(partition.borders.map { $0 / 2 }))
  }
}

extension DeviceMesh {
  /// Enqueues the operation of each rank.
  fileprivate func apply(_ operation: (_ rank: Int) throws -> Elementwise) async throws {
    for rank in ranks {
      let operation = try operation(rank.index)
      try await rank.device.enqueue { try rank.device.apply(operation) }
      try rank.device.flush()
    }
  }
}
