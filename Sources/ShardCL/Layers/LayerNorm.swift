// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// LayerNorm of each token: every rank norms the rows that it has, and nothing moves.
///
/// Ba et al. 2016, https://arxiv.org/abs/1607.06450. See `Norm` for the arithmetic.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | tokens × features | `.replicate` or `.shard(0)` |
/// | `delta` | tokens × features | that of `x`; added to x first |
/// | `weight`, `bias` | 1 × features | `.replicate` |
/// | result | tokens × features | that of `x`, with the same bits on every mesh |
public struct LayerNorm: Sendable {
  private let layer: NormLayer

  /// A factor for each feature, on every rank.
  public var weight: ShardedTensor { layer.weight }
  /// An addend for each feature, on every rank.
  public var bias: ShardedTensor? { layer.bias }
  /// ε.
  public var epsilon: Float { layer.epsilon }

  /// Uploads weight and bias, 1 × features in f32, to every rank.
  ///
  /// - Throws: `ShardingError.shapeMismatch`; the driver's error.
  public init(
    weight: some MatrixSource, bias: (any MatrixSource)? = nil, epsilon: Float, on mesh: DeviceMesh
  ) throws {
    layer = try NormLayer(.layer, weight: weight, bias: bias, epsilon: epsilon, isPerHead: false, on: mesh)
  }

  /// The norm of x, or of x + delta, which then is in x.
  ///
  /// - Throws: `ShardingError.noOperationRule` for a placement without whole rows; `.shapeMismatch`; `.partitionMismatch`
  ///   where operands are spread differently.
  public func callAsFunction(_ x: ShardedTensor, adding delta: ShardedTensor? = nil) async throws -> ShardedTensor {
    let result = try layer.makeResult(x)
    try await layer.run(x, adding: delta, into: result)
    return result
  }

  /// The same into an existing tensor, which may be x itself, or delta where there is one; allocates nothing.
  ///
  /// - Throws: `ShardingError` as above; `ComputeError.mismatch` for operands that overlap otherwise.
  public func callAsFunction(
    _ x: ShardedTensor, adding delta: ShardedTensor? = nil, into result: ShardedTensor
  ) async throws {
    try await layer.run(x, adding: delta, into: result)
  }
}
