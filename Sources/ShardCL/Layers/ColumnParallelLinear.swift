// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A linear layer cut along its output: every rank computes some features of the result, and nothing moves.
///
/// *Column-parallel* of Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053, section 3.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | tokens × in, row-major | `.replicate` |
/// | `weight` | out × in | `.shard(0)` |
/// | `bias` | 1 × out | `.shard(1)`, the `Partition` of `weight` |
/// | result | tokens × out | `.shard(1)`, the `Partition` of `weight` |
public struct ColumnParallelLinear: Sendable {
  /// The weight, out × in.
  public let weight: ShardedWeight
  /// What is added to every row, 1 × out; cut like the rows of the weight.
  public let bias: ShardedTensor?

  /// Uploads the layer; each rank is sent its own part only.
  ///
  /// - Parameters:
  ///   - bias: 1 × out, f32.
  ///   - granularity: features that stay together on a rank: the size of a head.
  ///   - unit: columns of the weight that are never separated; see `ShardedWeight`.
  ///   - partition: the cut of the features; even in whole units of `granularity` without it.
  /// - Throws: `ShardingError`; the driver's error.
  public init(
    weight: some MatrixSource, bias: (any MatrixSource)? = nil, on mesh: DeviceMesh,
    granularity: Int = 1, unit: Int = 1, partition: Partition? = nil
  ) throws {
    let partition = try partition ?? .even(weight.rows, parts: mesh.count, granularity: granularity)
    try checkBias(bias, weight)
    self.weight = try ShardedWeight(weight, on: mesh, placement: .shard(0), unit: unit, partition: partition)
    self.bias = try bias.map { try ShardedTensor($0, on: mesh, placement: .shard(1), partition: partition) }
  }

  /// x · Wᵀ + bias, `.shard(1)`.
  ///
  /// - Throws: `ShardingError.noRule` unless x is `.replicate`; `.shapeMismatch`.
  public func callAsFunction(_ x: ShardedTensor) async throws -> ShardedTensor {
    let result = try await matmul(x, weight)
    try await addBias(to: result)
    return result
  }

  /// The same into an existing tensor, which allocates nothing.
  ///
  /// - Throws: `ShardingError`, also where `result` has another cut.
  public func callAsFunction(_ x: ShardedTensor, into result: ShardedTensor) async throws {
    try await matmul(x, weight, into: result)
    try await addBias(to: result)
  }

  private func addBias(to result: ShardedTensor) async throws {
    guard let bias else { return }
    for rank in result.mesh.ranks {
      try await rank.device.enqueue {
        try rank.device.addBias(bias.piece(of: rank.index), to: result.piece(of: rank.index))
      }
    }
  }
}

/// Throws unless `bias` is one row with a value for each row of `weight`.
func checkBias(_ bias: (any MatrixSource)?, _ weight: some MatrixSource) throws {
  guard let bias, bias.rows != 1 || bias.columns != weight.rows || bias.elementType != .f32 else { return }
  throw ShardingError.shapeMismatch(
    "a bias of \(bias.rows) × \(bias.columns) \(bias.elementType) for a weight of \(weight.rows) × \(weight.columns); "
      + "it must be 1 × \(weight.rows) f32")
}
