// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// One attention on a mesh with all its memory, ready to run again and again.
struct AttentionRun {
  private let workload: AttentionWorkload
  private let mesh: DeviceMesh
  private let cache: ShardedKVCache
  private let attention: ParallelAttention
  /// Plans whose rows are all keys, and the queries.
  private let appends: ShardedAttentionPlan
  private let plan: ShardedAttentionPlan
  private let keys, values, queries: ShardedTensor
  private let addends: ShardedTensor?
  private let result: ShardedTensor
  private let logs: ShardedTensor?
  private let numbers: AttentionNumbers

  /// Random queries, keys and values that follow from `seed`, on the ranks.
  init(_ workload: AttentionWorkload, on mesh: DeviceMesh, seed: UInt64) throws {
    self.workload = workload
    self.mesh = mesh
    let numbers = AttentionNumbers(workload, seed: seed)
    self.numbers = numbers
    let heads = workload.heads
    let (rows, all) = (workload.sequences * workload.queries, workload.sequences * workload.keys)
    let blocks = workload.sequences * workload.blocksOfSequence
    let partition = workload.cut == .heads ? try AttentionPartition(heads, ranks: mesh.count) : nil
    cache =
      try partition.map {
        try ShardedKVCache(
          on: mesh, partition: $0, format: workload.format, blocks: blocks, blockLength: AttentionWorkload.blockLength)
      }
      ?? ShardedKVCache(
        on: mesh, heads: heads, placement: .shard(0), format: workload.format, blocks: blocks,
        blockLength: AttentionWorkload.blockLength)
    attention = try ParallelAttention(workload.rule, like: cache)
    appends = ShardedAttentionPlan(like: cache, span: workload.rule.span)
    plan = ShardedAttentionPlan(like: cache, span: workload.rule.span)
    try Self.update(appends, workload, rows: workload.keys)
    try Self.update(plan, workload, rows: workload.queries)

    func tensor(_ source: some MatrixSource, _ cut: Partition?) throws -> ShardedTensor {
      try ShardedTensor(source, on: mesh, placement: cut == nil ? .replicate : .shard(1), partition: cut)
    }
    let (allKeys, allValues) = try (
      HostMatrix(numbers.keys, rows: all, columns: heads.keyColumns),
      HostMatrix(numbers.values, rows: all, columns: heads.valueColumns)
    )
    if let partition {
      keys = try tensor(partition.keyColumns(allKeys), partition.keys)
      values = try tensor(partition.valueColumns(allValues), partition.values)
    } else {
      keys = try tensor(allKeys, nil)
      values = try tensor(allValues, nil)
    }
    queries = try tensor(HostMatrix(numbers.queries, rows: rows, columns: heads.queryColumns), partition?.queries)
    addends = workload.cut == .keys ? try plan.makeAddends(rows: rows) : nil
    result = try ShardedTensor(
      on: mesh, rows: rows, columns: heads.resultColumns, placement: partition == nil ? .replicate : .shard(1),
      partition: partition?.results)
    logs = try partition.map {
      try ShardedTensor(
        on: mesh, rows: rows, columns: heads.queryHeads, placement: .shard(1), partition: $0.queryHeads)
    }
  }

  /// Each sequence has `rows` rows; keys are cut as evenly as whole chunks allow.
  private static func update(_ plan: ShardedAttentionPlan, _ workload: AttentionWorkload, rows: Int) throws {
    if workload.cut == .heads { return try plan.update(workload.sequences(rows: rows)) }
    let cut = try Partition.even(workload.keys, parts: plan.mesh.count, granularity: AttentionOrder.chunk)
    try plan.update(ranks: (0..<plan.mesh.count).map { workload.sequences(rows: rows, keys: cut.range(of: $0)) })
  }

  /// Enqueues the storing of all keys and values.
  func append() async throws { try await attention.append(keys: keys, values: values, to: cache, appends) }

  /// Enqueues the attention, and the join where keys are cut.
  func run() async throws {
    try await attention(queries, cache, plan, into: addends ?? result, logSumExp: logs)
    try await communicate()
  }

  /// Enqueues the join alone.
  func communicate() async throws { try await addends?.redistribute(into: result) }

  /// What was found out about a result.
  struct Check {
    let largestErrorOverBound: Double
    let sameBits: Bool
    var isRight: Bool { largestErrorOverBound <= 1 && sameBits }
  }

  /// Compares all bits with the CPU fallback's, and the last queries of the last sequence with sums in f64.
  func check() async throws -> Check {
    try await run()
    let found = try await result.download()
    let line = try DeviceMesh([HostDevice()])
    let host = try AttentionRun(workload, on: line, numbers)
    try await host.append()
    try await host.run()
    let expected = try await host.result.download()
    return Check(
      largestErrorOverBound: try numbers.errorOverBound(of: found, workload),
      sameBits: found.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  /// The same numbers on another mesh, heads cut.
  private init(_ workload: AttentionWorkload, on mesh: DeviceMesh, _ numbers: AttentionNumbers) throws {
    try self.init(
      AttentionWorkload(
        heads: workload.heads, sequences: workload.sequences, queries: workload.queries, keys: workload.keys,
        rule: workload.rule, format: workload.format), on: mesh, seed: numbers.seed)
  }
}

/// The operands of an attention, row-major without gaps.
struct AttentionNumbers {
  let seed: UInt64
  let queries, keys, values: [Float]
  private let heads: AttentionHeads

  init(_ workload: AttentionWorkload, seed: UInt64) {
    self.seed = seed
    heads = workload.heads
    func numbers(_ name: String, _ rows: Int, _ columns: Int) -> [Float] {
      SeededNumbers(seed: seed, name: name).floats(workload.sequences * rows * columns)
    }
    // Scores of a few units, as models have.
    queries = numbers("queries", workload.queries, heads.queryColumns).map { 3 * $0 }
    keys = numbers("keys", workload.keys, heads.keyColumns).map { 3 * $0 }
    values = numbers("values", workload.keys, heads.valueColumns)
  }

  /// The error of the last rows of a result in units of the bound, as many of them as take about a second; where a cache
  /// has blocks, whose numbers are not known here, 0.
  func errorOverBound(of result: [Float], _ workload: AttentionWorkload) throws -> Double {
    guard workload.format != .q8_0 else { return 0 }
    let perQuery = Double(workload.keys) * Double(heads.queryHeads) * Double(heads.keySize + heads.valueSize)
    let rows = min(workload.queries, max(1, Int(1e8 / max(1, perQuery))))
    let type: ElementType = workload.format == .f16 ? .f16 : workload.format == .bf16 ? .bf16 : .f32
    func last(_ values: [Float], _ rows: Int, _ columns: Int) -> [Float] { Array(values.suffix(rows * columns)) }
    func stored(_ values: [Float]) -> [Float] { HostMemory(values, as: type).floats(0..<values.count, type) }
    return try AttentionReference(
      queries: last(queries, rows, heads.queryColumns), keys: stored(last(keys, workload.keys, heads.keyColumns)),
      values: stored(last(values, workload.keys, heads.valueColumns)), heads: heads, rule: workload.rule
    ).largestErrorOverBound(of: last(result, rows, heads.resultColumns))
  }
}
