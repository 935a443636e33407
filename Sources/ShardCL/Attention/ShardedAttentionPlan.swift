// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// How the attention of some sequences is done over the ranks of a mesh; an `AttentionPlan` for each. Made once, updated for
/// each step, used by all layers of a step whose caches and spans look alike.
public struct ShardedAttentionPlan: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// Which keys a query sees.
  public let span: AttentionRule.Span
  /// How keys and values are spread.
  public let placement: Placement
  let plans: [AttentionPlan]
  /// What the addends of results are; nil unless keys are cut over the ranks.
  public let nodes: AttentionNodes?

  /// A plan for caches like `cache`.
  public init(like cache: ShardedKVCache, span: AttentionRule.Span = .causal) {
    mesh = cache.mesh
    self.span = span
    placement = cache.placement
    let cutsKeys = cache.placement == .shard(0)
    plans = zip(cache.mesh.ranks, cache.caches).map {
      AttentionPlan(on: $0.device, like: $1, span: span, cutsKeys: cutsKeys)
    }
    let room = cache.caches.reduce(0) { $0 + $1.blocks * $1.blockLength }
    nodes = cutsKeys ? AttentionNodes(heads: cache.heads, keyCount: room, on: cache.mesh) : nil
  }

  /// Replaces the sequences, which are the same on every rank.
  ///
  /// - Throws: `ShardingError.partitionMismatch` where keys are cut over the ranks; as `AttentionPlan.update` does.
  public func update(_ sequences: [KVSequence]) throws {
    guard nodes == nil else {
      throw ShardingError.partitionMismatch("one list of sequences for ranks that share keys; each has its own blocks")
    }
    for plan in plans { try plan.update(sequences) }
  }

  /// Replaces the sequences of a plan whose keys are cut over the ranks: for each rank the same sequences, each with the
  /// rank's own keys and blocks. Ranks have consecutive keys, and together all.
  ///
  /// - Throws: `ShardingError.partitionMismatch` where they have not; as `AttentionPlan.update` does.
  public func update(ranks: [[KVSequence]]) throws {
    guard let nodes, ranks.count == mesh.count, let first = ranks.first else {
      throw ShardingError.partitionMismatch(
        "sequences for \(ranks.count) ranks on a mesh of \(mesh.count) with a cache \(placement); .shard(0) has them")
    }
    for (index, sequence) in first.enumerated() {
      var end = 0
      for (rank, sequences) in ranks.enumerated() {
        let part = sequences.indices.contains(index) ? sequences[index] : nil
        guard let part, sequences.count == first.count, part.queries == sequence.queries,
          part.keyCount == sequence.keyCount, part.localKeys.isEmpty || part.localKeys.lowerBound == end
        else {
          throw ShardingError.partitionMismatch(
            "sequence \(index) at rank \(rank): keys \(part?.localKeys ?? 0..<0) of \(part?.keyCount ?? 0) for rows "
              + "\(part?.queries ?? 0..<0) after \(end) keys of \(sequence.keyCount) for \(sequence.queries)")
        }
        if !part.localKeys.isEmpty { end = part.localKeys.upperBound }
      }
      guard end == sequence.keyCount else {
        throw ShardingError.partitionMismatch("sequence \(index): the ranks have \(end) of \(sequence.keyCount) keys")
      }
    }
    for (plan, sequences) in zip(plans, ranks) { try plan.update(sequences) }
    var lists = AttentionNodes.Lists(ranks: plans.map(\.nodes))
    lists.first = Array(repeating: 0, count: plans.map(\.rows).max() ?? 0)
    for sequence in first {
      for (query, row) in sequence.queries.enumerated() {
        let seen = span.seen(by: query, of: sequence.queries.count, keys: sequence.keyCount)
        lists.first[row] = seen.lowerBound / AttentionOrder.chunk
      }
    }
    nodes.update(lists)
  }

  /// Room for the addends of `rows` rows of a plan whose keys are cut over the ranks; layers that run one after the other
  /// share it.
  ///
  /// - Throws: `ShardingError.noTransition` where keys are not cut; the driver's error.
  public func makeAddends(rows: Int) throws -> ShardedTensor {
    guard let nodes else { throw ShardingError.noTransition(from: placement, to: .partial) }
    return try ShardedTensor(
      on: mesh, rows: rows, columns: nodes.heads.resultColumns, distribution: .attention(nodes))
  }
}
