// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// What `RMSNorm` and `LayerNorm` share: weights on every rank, and a norm of each rank's rows.
struct NormLayer: Sendable {
  let kind: Norm.Kind
  let weight: ShardedTensor
  let weightOffset: Float
  let bias: ShardedTensor?
  let epsilon: Float
  let isPerHead: Bool

  private var operation: String { kind == .rms ? "an RMSNorm" : "a LayerNorm" }

  init(
    _ kind: Norm.Kind, weight: some MatrixSource, weightOffset: Float = 0, bias: (any MatrixSource)? = nil,
    epsilon: Float, isPerHead: Bool, on mesh: DeviceMesh
  ) throws {
    let size = weight.columns
    for row in [weight, bias].compactMap(\.self) as [any MatrixSource] {
      guard row.rows == 1, row.columns == size, row.format == .f32 else {
        throw ShardingError.shapeMismatch(
          "a weight or bias of \(row.rows) × \(row.columns) \(row.format.rawValue); it must be 1 × \(size) f32")
      }
    }
    self.kind = kind
    self.weight = try ShardedTensor(weight, on: mesh, placement: .replicate)
    self.weightOffset = weightOffset
    self.bias = try bias.map { try ShardedTensor($0, on: mesh, placement: .replicate) }
    self.epsilon = epsilon
    self.isPerHead = isPerHead
  }

  /// A tensor for the result.
  func makeResult(_ x: ShardedTensor) throws -> ShardedTensor {
    try check(x)
    return try ShardedTensor(on: x.mesh, rows: x.rows, columns: x.columns, distribution: x.distribution)
  }

  func run(_ x: ShardedTensor, adding delta: ShardedTensor?, into result: ShardedTensor) async throws {
    try check(x)
    try x.checkSame(result, "the result")
    if let delta { try x.checkSame(delta, "delta") }
    for rank in x.mesh.ranks {
      let norm = try Norm(
        kind, of: x.piece(of: rank.index), adding: delta?.piece(of: rank.index), weight: weight.piece(of: rank.index),
        weightOffset: weightOffset, bias: bias?.piece(of: rank.index), epsilon: epsilon,
        headSize: isPerHead ? weight.columns : nil, into: result.piece(of: rank.index))
      try await rank.device.enqueue { try rank.device.normalise(norm) }
      try rank.device.flush()
    }
  }

  private func check(_ x: ShardedTensor) throws {
    guard x.mesh === weight.mesh else {
      throw ShardingError.meshMismatch("x is on \(x.mesh), the weight on \(weight.mesh)")
    }
    let size = weight.columns
    guard isPerHead ? size > 0 && x.columns.isMultiple(of: size) : x.columns == size else {
      throw ShardingError.shapeMismatch(
        "\(operation) \(isPerHead ? "of heads " : "")of \(size) columns for a tensor of \(x.rows) × \(x.columns)")
    }
    _ = try PlacementRules.rows(x.placement, operation: operation, isPerHead: isPerHead)
    if case .shard(1, let partition) = x.distribution, !partition.borders.allSatisfy({ $0.isMultiple(of: size) }) {
      throw ShardingError.partitionMismatch("parts \(partition) for heads of \(size) columns; no cut separates a head")
    }
  }
}

extension ShardedTensor {
  /// Throws unless `other` has the mesh, shape and distribution of this tensor.
  func checkSame(_ other: ShardedTensor, _ what: String) throws {
    try checkShape(equals: other)
    guard distribution == other.distribution else {
      throw ShardingError.partitionMismatch("x is \(distribution), \(what) \(other.distribution); they must be alike")
    }
  }
}
