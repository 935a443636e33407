// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCL
import ShardCompute

/// An attention on a mesh: sequences side by side, whose keys and values are appended first.
struct AttentionCase {
  var heads: AttentionHeads
  var rule: AttentionRule
  /// Queries and keys of each sequence.
  var lengths: [(queries: Int, keys: Int)]
  /// Row-major without gaps: the queries of all sequences, keys and values of each.
  var queries: [Float]
  var keys: [[Float]]
  var values: [[Float]]
  var slopes: [Float]?
  var sinks: [Float]?
  var format = KVFormat.f32
  var blockLength = 64

  private var rows: Int { lengths.reduce(0) { $0 + $1.queries } }
  private var blockCounts: [Int] { lengths.map { ($0.keys + blockLength - 1) / blockLength } }

  /// The blocks of each sequence, the last one's first, and their number.
  private func blocks() -> (lists: [[Int]], count: Int) {
    var next = 0
    let lists = blockCounts.reversed().map { count in
      defer { next += count }
      return Array(next..<next + count)
    }
    return (lists.reversed(), next)
  }

  private func sequences(keys: (Int) -> Range<Int>, blocks: [[Int]], isAppend: Bool) -> [KVSequence] {
    var row = 0
    return lengths.enumerated().map { index, length in
      let count = isAppend ? length.keys : length.queries
      defer { row += count }
      return KVSequence(
        queries: row..<row + count, keyCount: length.keys, blocks: blocks[index], localKeys: keys(length.keys))
    }
  }

  /// The result with heads cut over the ranks, and the log-sum-exps.
  func cutByHeads(on mesh: DeviceMesh, _ partition: AttentionPartition) async throws -> (result: [Float], logs: [Float])
  {
    let (lists, count) = blocks()
    let cache = try ShardedKVCache(
      on: mesh, partition: partition, format: format, blocks: count, blockLength: blockLength)
    let plan = ShardedAttentionPlan(like: cache, span: rule.span)
    let attention = try ParallelAttention(rule, like: cache, slopes: slopes, sinks: sinks)
    let all = lengths.reduce(0) { $0 + $1.keys }
    try plan.update(sequences(keys: { 0..<$0 }, blocks: lists, isAppend: true))
    func tensor(_ parts: [[Float]], _ size: Int, _ cut: Partition) throws -> ShardedTensor {
      // Columns of a KV head once for each rank that has it.
      let columns = heads.kvHeads * size
      let rows = parts.flatMap { part in
        (0..<(columns == 0 ? 0 : part.count / columns)).map { part[$0 * columns..<($0 + 1) * columns] }
      }
      let repeated = rows.flatMap { row in
        partition.kvHeads.flatMap { row.dropFirst($0.lowerBound * size).prefix($0.count * size) }
      }
      return try ShardedTensor(
        repeated, rows: all, columns: cut.length, on: mesh, placement: .shard(1), partition: cut)
    }
    try await attention.append(
      keys: tensor(keys, heads.keySize, partition.keys), values: tensor(values, heads.valueSize, partition.values),
      to: cache, plan)
    try plan.update(sequences(keys: { 0..<$0 }, blocks: lists, isAppend: false))
    let q = try ShardedTensor(
      queries, rows: rows, columns: heads.queryColumns, on: mesh, placement: .shard(1), partition: partition.queries)
    let result = try ShardedTensor(
      on: mesh, rows: rows, columns: heads.resultColumns, placement: .shard(1), partition: partition.results)
    let logs = try ShardedTensor(
      on: mesh, rows: rows, columns: heads.queryHeads, placement: .shard(1), partition: partition.queryHeads)
    try await attention(q, cache, plan, into: result, logSumExp: logs)
    return (try await result.download(), try await logs.download())
  }

  /// The result with the keys of each sequence cut over the ranks, `cut` shares of its chunks, joined in `placement`.
  func cutByKeys(on mesh: DeviceMesh, shares: [Double], to placement: Placement) async throws -> [Float] {
    let (lists, count) = blocks()
    let cache = try ShardedKVCache(
      on: mesh, heads: heads, placement: .shard(0), format: format, blocks: count, blockLength: blockLength)
    let plan = ShardedAttentionPlan(like: cache, span: rule.span)
    let attention = try ParallelAttention(rule, like: cache, slopes: slopes, sinks: sinks)
    let cuts = try lengths.map { try Partition.weighted($0.keys, weights: shares, granularity: 128) }
    func update(isAppend: Bool) throws {
      try plan.update(
        ranks: mesh.ranks.map { rank in
          sequences(keys: { _ in 0..<0 }, blocks: lists, isAppend: isAppend).enumerated().map { index, sequence in
            KVSequence(
              queries: sequence.queries, keyCount: sequence.keyCount, blocks: sequence.blocks,
              localKeys: cuts[index].range(of: rank.index))
          }
        })
    }
    try update(isAppend: true)
    let all = lengths.reduce(0) { $0 + $1.keys }
    try await attention.append(
      keys: ShardedTensor(keys.flatMap { $0 }, rows: all, columns: heads.keyColumns, on: mesh, placement: .replicate),
      values: ShardedTensor(
        values.flatMap { $0 }, rows: all, columns: heads.valueColumns, on: mesh, placement: .replicate), to: cache, plan
    )
    try update(isAppend: false)
    let q = try ShardedTensor(queries, rows: rows, columns: heads.queryColumns, on: mesh, placement: .replicate)
    let addends = try plan.makeAddends(rows: rows)
    try await attention(q, cache, plan, into: addends)
    let partition = placement == .shard(1) ? try AttentionPartition(heads, ranks: mesh.count).results : nil
    return try await addends.redistribute(to: placement, partition: partition).download()
  }

  /// The formula in f32, one operation after the other, as plain code has it.
  func plainEvaluation() -> [Float] {
    var result = [Float](repeating: 0, count: rows * heads.resultColumns)
    var row0 = 0
    for (index, length) in lengths.enumerated() {
      for query in 0..<length.queries {
        for head in 0..<heads.queryHeads {
          let seen = rule.span.seen(by: query, of: length.queries, keys: length.keys)
          let row = row0 + query
          let scores = seen.map { score(row, query, head, $0, index, length) }
          guard let top = scores.max() else { continue }
          let weights = scores.map { expf($0 - top) }
          let total = weights.reduce(0, +)
          for c in 0..<heads.valueSize {
            var sum: Float = 0
            for (weight, j) in zip(weights, seen) {
              sum += weight / total * values[index][(j * heads.kvHeads + head / heads.group) * heads.valueSize + c]
            }
            result[row * heads.resultColumns + head * heads.valueSize + c] = sum
          }
        }
      }
      row0 += length.queries
    }
    return result
  }

  private func score(
    _ row: Int, _ query: Int, _ head: Int, _ j: Int, _ index: Int, _ length: (queries: Int, keys: Int)
  ) -> Float {
    var sum: Float = 0
    for p in 0..<heads.keySize {
      sum +=
        queries[row * heads.queryColumns + head * heads.keySize + p]
        * keys[index][(j * heads.kvHeads + head / heads.group) * heads.keySize + p]
    }
    var score = sum * (rule.scale ?? 1 / Float(heads.keySize).squareRoot())
    if let cap = rule.softcap { score = cap * tanhf(score / cap) }
    return score
  }
}
