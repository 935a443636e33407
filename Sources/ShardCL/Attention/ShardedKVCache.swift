// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The keys and values of one layer over the ranks of a mesh.
///
/// | placement | each rank holds |
/// | --- | --- |
/// | `.shard(1)` | its KV heads of all keys: a block has the same keys on every rank |
/// | `.shard(0)` | all heads of its keys ("context-parallel"): each rank has blocks of its own |
/// | `.replicate` | everything |
public struct ShardedKVCache: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// All heads.
  public let heads: AttentionHeads
  /// Which heads each rank has; nil where all have all.
  public let partition: AttentionPartition?
  /// How keys and values are spread.
  public let placement: Placement
  /// The cache of each rank.
  public let caches: [KVCache]

  /// A cache whose heads are cut over the ranks, `.shard(1)`.
  ///
  /// - Throws: `ShardingError.partitionMismatch` for a partition of another number of ranks; as `KVCache` does.
  public init(
    on mesh: DeviceMesh, partition: AttentionPartition, format: KVFormat = .f16, blocks: Int, blockLength: Int = 128
  ) throws {
    guard partition.ranks == mesh.count else {
      throw ShardingError.partitionMismatch("heads over \(partition.ranks) ranks on a mesh of \(mesh.count)")
    }
    self.mesh = mesh
    heads = partition.heads
    self.partition = partition
    placement = .shard(1)
    caches = try mesh.ranks.map { rank in
      try KVCache(
        on: rank.device, heads: partition.local(rank.index), format: format, blocks: blocks, blockLength: blockLength)
    }
  }

  /// A cache of all heads on every rank: of all keys where `placement` is `.replicate`, of the rank's own where it is
  /// `.shard(0)`.
  ///
  /// - Throws: `ShardingError.partitionMismatch` for another placement; as `KVCache` does.
  public init(
    on mesh: DeviceMesh, heads: AttentionHeads, placement: Placement, format: KVFormat = .f16, blocks: Int,
    blockLength: Int = 128
  ) throws {
    guard placement == .replicate || placement == .shard(0) else {
      throw ShardingError.partitionMismatch(
        "a cache of all heads with \(placement); its keys are .shard(0) or .replicate, heads are cut by a partition")
    }
    self.mesh = mesh
    self.heads = heads
    partition = nil
    self.placement = placement
    caches = try mesh.ranks.map { rank in
      try KVCache(on: rank.device, heads: heads, format: format, blocks: blocks, blockLength: blockLength)
    }
  }
}
