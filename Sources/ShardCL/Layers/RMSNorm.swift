// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// RMSNorm of each token, or of each head of it: every rank norms the rows that it has, and nothing moves.
///
/// Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467. See `Norm` for the arithmetic.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | tokens × features | `.replicate` or `.shard(0)`; per head also `.shard(1)`, cut between heads |
/// | `delta` | tokens × features | that of `x`; added to x first |
/// | `weight` | 1 × features, or 1 × head size | `.replicate` |
/// | result | tokens × features | that of `x`, with the same bits on every mesh |
public struct RMSNorm: Sendable {
  private let layer: NormLayer

  /// A factor for each feature, on every rank.
  public var weight: ShardedTensor { layer.weight }
  /// What is added to each weight.
  public var weightOffset: Float { layer.weightOffset }
  /// ε.
  public var epsilon: Float { layer.epsilon }
  /// Whether each head is a row of its own.
  public var isPerHead: Bool { layer.isPerHead }

  /// Uploads the weight to every rank.
  ///
  /// - Parameters:
  ///   - weight: 1 × features, f32; where it `isPerHead` 1 × the columns of a head.
  ///   - weightOffset: what is added to each weight: 1 in Gemma's models.
  /// - Throws: `ShardingError.shapeMismatch`; the driver's error.
  public init(
    weight: some MatrixSource, weightOffset: Float = 0, epsilon: Float, isPerHead: Bool = false, on mesh: DeviceMesh
  ) throws {
    layer = try NormLayer(
      .rms, weight: weight, weightOffset: weightOffset, epsilon: epsilon, isPerHead: isPerHead, on: mesh)
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
