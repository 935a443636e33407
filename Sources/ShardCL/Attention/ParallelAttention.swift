// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The attention of a layer over the ranks of a mesh. Nothing moves between them; where keys are cut over the ranks the
/// result is a sum, and its `redistribute` joins it.
///
/// | queries | cache | result | known as |
/// | --- | --- | --- | --- |
/// | `.shard(1)` | `.shard(1)` | `.shard(1)` | head-parallel, Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053 |
/// | `.replicate` | `.shard(0)` | `.partial` | context-parallel |
/// | `.replicate` | `.replicate` | `.replicate` | |
///
/// New keys and values are placed like the queries. Bits do not depend on the number of ranks, nor on how heads or keys are
/// cut.
public struct ParallelAttention: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// Span, scale and soft-cap.
  public let rule: AttentionRule
  /// ALiBi slopes of the query heads, 1 × queryHeads, placed like the queries' heads.
  public let slopes: ShardedTensor?
  /// Sinks of the query heads, the same.
  public let sinks: ShardedTensor?
  /// Angles of rotary embedding at each rank.
  let angles: [RotaryAngles]?

  /// - Parameters:
  ///   - slopes, sinks: one number for each query head.
  ///   - rotary: the embedding of keys and queries; nil for none.
  ///   - positions: the most positions of a sequence.
  /// - Throws: `ShardingError`; the driver's error.
  public init(
    _ rule: AttentionRule, like cache: ShardedKVCache, slopes: [Float]? = nil, sinks: [Float]? = nil,
    rotary: Rotary? = nil, positions: Int = 0
  ) throws {
    mesh = cache.mesh
    self.rule = rule
    func row(_ values: [Float]?) throws -> ShardedTensor? {
      guard let values else { return nil }
      guard values.count == cache.heads.queryHeads else {
        throw ShardingError.shapeMismatch("\(values.count) slopes or sinks for \(cache.heads.queryHeads) query heads")
      }
      return try ShardedTensor(
        values, rows: 1, columns: values.count, on: cache.mesh,
        placement: cache.partition == nil ? .replicate : .shard(1),
        partition: cache.partition?.queryHeads)
    }
    self.slopes = try row(slopes)
    self.sinks = try row(sinks)
    angles = try rotary.map { rotary in
      try cache.mesh.ranks.map { try RotaryAngles(rotary, count: positions, on: $0.device) }
    }
  }

  /// Stores the keys and values of the plan's rows in the cache, turning keys and queries on the way.
  ///
  /// - Throws: `ShardingError` where placements or shapes do not fit the cache; `ComputeError` as `KVAppend` does.
  public func append(
    keys: ShardedTensor, values: ShardedTensor, rotating queries: ShardedTensor? = nil, to cache: ShardedKVCache,
    _ plan: ShardedAttentionPlan
  ) async throws {
    let partition = cache.partition
    try check(keys, "keys", columns: cache.heads.keyColumns, cut: partition?.keys, cache, plan)
    try check(values, "values", columns: cache.heads.valueColumns, cut: partition?.values, cache, plan)
    if let queries {
      try check(queries, "queries", columns: cache.heads.queryColumns, cut: partition?.queries, cache, plan)
    }
    for rank in mesh.ranks {
      let append = try KVAppend(
        plan.plans[rank.index], keys: keys.piece(of: rank.index), values: values.piece(of: rank.index),
        rotating: queries?.piece(of: rank.index), by: angles?[rank.index], into: cache.caches[rank.index])
      try await rank.device.enqueue { try rank.device.append(append) }
    }
  }

  /// softmax(scale · Q · Kᵀ) · V of the plan's sequences into `result`, which is in the placement of the rule: of a cache
  /// `.shard(0)` from `ShardedAttentionPlan.makeAddends`.
  ///
  /// - Parameter logSumExp: rows × queryHeads, placed like the result; not where it is `.partial`.
  /// - Throws: `ShardingError` where placements or shapes do not fit; `ComputeError` as `Attention` does.
  public func callAsFunction(
    _ queries: ShardedTensor, _ cache: ShardedKVCache, _ plan: ShardedAttentionPlan, into result: ShardedTensor,
    logSumExp: ShardedTensor? = nil
  ) async throws {
    let partition = cache.partition
    try check(queries, "queries", columns: cache.heads.queryColumns, cut: partition?.queries, cache, plan)
    let expected = try resultDistribution(cache, plan)
    guard result.mesh === mesh, result.rows == queries.rows, result.columns == cache.heads.resultColumns,
      result.distribution == expected
    else {
      throw ShardingError.shapeMismatch(
        "a result of \(result.rows) × \(result.columns) \(result.distribution) for \(queries.rows) rows of "
          + "\(cache.heads); it must be \(queries.rows) × \(cache.heads.resultColumns) \(expected)")
    }
    if let logSumExp {
      try check(
        logSumExp, "the log-sum-exp", columns: cache.heads.queryHeads, cut: partition?.queryHeads, cache, plan)
    }
    for rank in mesh.ranks {
      let index = rank.index
      let attention = try Attention(
        plan.plans[index], rule, queries: queries.piece(of: index), cache: cache.caches[index],
        slopes: slopes?.piece(of: index), sinks: plan.nodes == nil ? sinks?.piece(of: index) : nil,
        into: result.piece(of: index), nodeStride: plan.nodes.map { result.rows * $0.heads.nodeColumns } ?? 0,
        logSumExp: logSumExp?.piece(of: index))
      try await rank.device.enqueue { try rank.device.attend(attention) }
      try rank.device.flush()
    }
    plan.nodes?.use(sinks: sinks)
  }

  /// The same into a new tensor.
  ///
  /// - Throws: as above.
  public func callAsFunction(
    _ queries: ShardedTensor, _ cache: ShardedKVCache, _ plan: ShardedAttentionPlan
  ) async throws -> ShardedTensor {
    let result = try ShardedTensor(
      on: mesh, rows: queries.rows, columns: cache.heads.resultColumns, distribution: resultDistribution(cache, plan))
    try await self(queries, cache, plan, into: result)
    return result
  }

  private func resultDistribution(_ cache: ShardedKVCache, _ plan: ShardedAttentionPlan) throws -> Distribution {
    if let nodes = plan.nodes { return .attention(nodes) }
    return try cache.partition.map { .shard(1, try $0.results) } ?? .replicate
  }

  private func check(
    _ tensor: ShardedTensor, _ what: String, columns: Int, cut: Partition?, _ cache: ShardedKVCache,
    _ plan: ShardedAttentionPlan
  ) throws {
    guard tensor.mesh === mesh, cache.mesh === mesh, plan.mesh === mesh else {
      throw ShardingError.meshMismatch("\(what) on \(tensor.mesh), a cache on \(cache.mesh), a plan on \(plan.mesh)")
    }
    let expected: Distribution = cut.map { .shard(1, $0) } ?? .replicate
    guard tensor.columns == cut?.length ?? columns else {
      throw ShardingError.shapeMismatch(
        "\(what) of \(tensor.rows) × \(tensor.columns); \(cut?.length ?? columns) columns are needed")
    }
    guard tensor.distribution == expected else {
      throw ShardingError.partitionMismatch(
        "\(what) \(tensor.distribution) with a cache \(cache.placement); redistribute them to \(expected)")
    }
  }
}
