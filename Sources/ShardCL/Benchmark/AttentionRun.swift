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

  private static let blockLength = 128

  /// Random queries, keys and values that follow from `seed`, on the ranks.
  init(_ workload: AttentionWorkload, on mesh: DeviceMesh, seed: UInt64) throws {
    self.workload = workload
    self.mesh = mesh
    let numbers = AttentionNumbers(workload, seed: seed)
    self.numbers = numbers
    let heads = workload.heads
    let (rows, all) = (workload.sequences * workload.queries, workload.sequences * workload.keys)
    let blocks = workload.sequences * ((workload.keys + Self.blockLength - 1) / Self.blockLength)
    let partition = workload.cut == .heads ? try AttentionPartition(heads, ranks: mesh.count) : nil
    cache =
      try partition.map {
        try ShardedKVCache(
          on: mesh, partition: $0, format: workload.format, blocks: blocks, blockLength: Self.blockLength)
      }
      ?? ShardedKVCache(
        on: mesh, heads: heads, placement: .shard(0), format: workload.format, blocks: blocks,
        blockLength: Self.blockLength)
    attention = try ParallelAttention(workload.rule, like: cache)
    appends = ShardedAttentionPlan(like: cache, span: workload.rule.span)
    plan = ShardedAttentionPlan(like: cache, span: workload.rule.span)
    try Self.update(appends, workload, rows: workload.keys)
    try Self.update(plan, workload, rows: workload.queries)

    func tensor(_ values: [Float], _ rows: Int, _ columns: Int, _ cut: Partition?) throws -> ShardedTensor {
      try ShardedTensor(
        values, rows: rows, columns: columns, on: mesh, placement: cut == nil ? .replicate : .shard(1), partition: cut)
    }
    let (keyCut, valueCut) = (try partition?.keys, try partition?.values)
    keys = try tensor(
      partition.map { numbers.keys(for: $0) } ?? numbers.keys, all, keyCut?.length ?? heads.keyColumns, keyCut)
    values = try tensor(
      partition.map { numbers.values(for: $0) } ?? numbers.values, all, valueCut?.length ?? heads.valueColumns, valueCut
    )
    queries = try tensor(numbers.queries, rows, heads.queryColumns, partition?.queries)
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
    let perSequence = (workload.keys + blockLength - 1) / blockLength
    func sequences(_ keys: Range<Int>) -> [KVSequence] {
      (0..<workload.sequences).map { index in
        KVSequence(
          queries: index * rows..<(index + 1) * rows, keyCount: workload.keys,
          blocks: Array(index * perSequence..<(index + 1) * perSequence), localKeys: keys)
      }
    }
    if workload.cut == .heads { return try plan.update(sequences(0..<workload.keys)) }
    let cut = try Partition.even(workload.keys, parts: plan.mesh.count, granularity: AttentionOrder.chunk)
    try plan.update(ranks: (0..<plan.mesh.count).map { sequences(cut.range(of: $0)) })
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

  /// The keys' columns, those of a KV head once for each rank that has it.
  func keys(for partition: AttentionPartition) -> [Float] { repeated(keys, heads.keySize, partition) }
  /// The same of the values.
  func values(for partition: AttentionPartition) -> [Float] { repeated(values, heads.valueSize, partition) }

  private func repeated(_ values: [Float], _ size: Int, _ partition: AttentionPartition) -> [Float] {
    let columns = heads.kvHeads * size
    guard columns > 0, partition.kvHeads.reduce(0, { $0 + $1.count }) != heads.kvHeads else { return values }
    var result: [Float] = []
    for row in 0..<values.count / columns {
      for range in partition.kvHeads {
        let first = row * columns + range.lowerBound * size
        result += values[first..<first + range.count * size]
      }
    }
    return result
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
