// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The norms of a layer, those that its model has.
struct LayerNorms {
  /// Before attention and before the feed-forward network.
  let attention, feedForward: RMSNorm
  /// After them.
  let attentionResult, feedForwardResult: RMSNorm?
  /// Of each head.
  let queries, keys: RMSNorm?

  init(_ shape: LayerShape, _ weights: LayerWeights, on mesh: DeviceMesh) throws {
    func norm() throws -> RMSNorm { try RMSNorm(weight: weights.norm(), epsilon: 1e-5, on: mesh) }
    func headNorm() throws -> RMSNorm {
      try RMSNorm(weight: weights.headNorm(), epsilon: 1e-5, isPerHead: true, on: mesh)
    }
    (attention, feedForward) = (try norm(), try norm())
    (attentionResult, feedForwardResult) = shape.normsResults ? (try norm(), try norm()) : (nil, nil)
    (queries, keys) = shape.normsHeads ? (try headNorm(), try headNorm()) : (nil, nil)
  }
}

/// The activations of a layer; made once, so that a run allocates nothing.
struct LayerTensors {
  /// Activations, the sum that is added to them next, and their norm; on every rank.
  let x, sum, normed: ShardedTensor
  /// Cut by heads.
  let queries, keys, values, attended: ShardedTensor
  /// Cut by the features of the feed-forward network.
  let gated: ShardedTensor
  /// Addends of the two sums, whose terms are cut differently.
  let outputAddends, downAddends: ShardedTensor

  init(
    _ workload: LayerWorkload, _ heads: AttentionPartition, _ mesh: DeviceMesh, feedForward: Partition,
    output: RowParallelLinear, down: RowParallelLinear
  ) throws {
    let rows = workload.rows
    func whole() throws -> ShardedTensor {
      try ShardedTensor(on: mesh, rows: rows, columns: workload.shape.hiddenSize, placement: .replicate)
    }
    func part(_ cut: Partition) throws -> ShardedTensor {
      try ShardedTensor(on: mesh, rows: rows, columns: cut.length, placement: .shard(1), partition: cut)
    }
    (x, sum, normed) = (try whole(), try whole(), try whole())
    queries = try part(heads.queries)
    keys = try part(heads.keys)
    values = try part(heads.values)
    attended = try part(heads.results)
    gated = try part(feedForward)
    outputAddends = try output.makeAddends(rows: rows)
    downAddends = try down.makeAddends(rows: rows)
  }
}
