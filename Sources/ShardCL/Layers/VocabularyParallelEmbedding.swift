// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The features of token ids, from an embedding that is cut along its vocabulary: every rank looks up the ids whose rows it
/// has, and a collective joins what they found.
///
/// *Vocabulary-parallel* of Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053, section 3. The weight may be that of
/// the output head (`ColumnParallelLinear.weight`): it is the same memory.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `ids` | tokens | on every rank |
/// | `weight` | vocabulary × features | `.shard(0)`; also `.shard(1)` and `.replicate`, whose results need no sum |
/// | addends | tokens × features | `.partial`, one on each rank; rows of other ranks' ids are −0 |
/// | result | tokens × features | `.replicate` costs an all-reduce of `4 · tokens · features` bytes, `.shard` a reduce-scatter |
///
/// A sum with −0 is exact and keeps the sign of a zero, so the bits do not depend on the number of ranks.
public struct VocabularyParallelEmbedding: Sendable {
  /// The embedding, vocabulary × features.
  public let weight: ShardedWeight
  /// What every feature is multiplied by: √features in Gemma's models.
  public let scale: Float

  /// An embedding over a weight that is there.
  public init(weight: ShardedWeight, scale: Float = 1) {
    self.weight = weight
    self.scale = scale
  }

  /// Uploads an embedding cut along its vocabulary; each rank is sent its own part only.
  ///
  /// - Parameter partition: the cut of the vocabulary; even without it.
  /// - Throws: `ShardingError`; the driver's error.
  public init(
    weight: some MatrixSource, scale: Float = 1, on mesh: DeviceMesh, partition: Partition? = nil
  ) throws {
    self.init(
      weight: try ShardedWeight(weight, on: mesh, placement: .shard(0), partition: partition), scale: scale)
  }

  /// The features of each id, in any placement but `.partial`.
  ///
  /// - Throws: `ComputeError.outOfBounds` for ids that the host wrote and that are not in the vocabulary, with the first;
  ///   those that a device made get rows of NaN. `ShardingError`; the driver's error.
  public func callAsFunction(
    _ ids: TokenIDs, to placement: Placement = .replicate, partition: Partition? = nil
  ) async throws -> ShardedTensor {
    let found = try makeAddends(tokens: ids.count)
    let target = try Distribution(
      placement, rows: ids.count, columns: weight.columns, ranks: weight.mesh.count, partition: partition)
    let isThere = target == found.distribution
    let result = try isThere ? found : ShardedTensor(like: found, target)
    try await self(ids, addends: found, into: result)
    return result
  }

  /// The same with memory that is there: `addends` from `makeAddends`, and `result` in the placement it shall have, which
  /// may be `addends` itself where that is how they are spread.
  ///
  /// - Throws: as above.
  public func callAsFunction(_ ids: TokenIDs, addends: ShardedTensor, into result: ShardedTensor) async throws {
    guard result.placement != .partial else { throw ShardingError.noTransition(from: .replicate, to: .partial) }
    try addends.checkShape(equals: result)
    try await lookUp(ids, into: addends)
    let isThere = addends.distribution == result.distribution
    if isThere, addends.memories[0] === result.memories[0] { return }
    try await addends.redistribute(into: result)
  }

  /// Room for what the ranks find of `tokens` ids.
  ///
  /// - Throws: `ShardingError.shapeMismatch`; `ComputeError.allocationTooLarge`.
  public func makeAddends(tokens: Int) throws -> ShardedTensor {
    try ShardedTensor(on: weight.mesh, rows: tokens, columns: weight.columns, distribution: distribution)
  }

  /// How what the ranks find is spread.
  private var distribution: Distribution {
    switch weight.distribution {
    case .shard(0, _): .addends
    case let other: other
    }
  }

  private func lookUp(_ ids: TokenIDs, into found: ShardedTensor) async throws {
    guard ids.mesh === weight.mesh, found.mesh === weight.mesh else {
      throw ShardingError.meshMismatch("the embedding is on \(weight.mesh), the ids on \(ids.mesh)")
    }
    guard found.rows == ids.count, found.columns == weight.columns, found.distribution == distribution else {
      throw ShardingError.partitionMismatch(
        "\(ids.count) ids make \(ids.count) × \(weight.columns) \(distribution); the addends are \(found.rows) × "
          + "\(found.columns) \(found.distribution)")
    }
    if let known = ids.known { try LookUp.check(known, vocabulary: weight.rows) }
    for rank in weight.mesh.ranks {
      let firstID = weight.placement == .shard(0) ? weight.partition?.borders[rank.index] ?? 0 : 0
      let look = try LookUp(
        ids.vector(of: rank.index), in: weight.parts[rank.index], firstID: firstID, vocabulary: weight.rows,
        scale: scale, into: found.piece(of: rank.index))
      try await rank.device.enqueue { try rank.device.lookUp(look) }
      try rank.device.flush()
    }
  }
}

extension ShardedTensor {
  /// A tensor of the shape of `other`, spread another way; contents undefined.
  init(like other: ShardedTensor, _ distribution: Distribution) throws {
    try self.init(on: other.mesh, rows: other.rows, columns: other.columns, distribution: distribution)
  }
}
