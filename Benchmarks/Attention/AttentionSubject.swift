// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCL
import ShardCompute

/// An attention whose heads are cut over the ranks of a mesh, with all its memory.
final class AttentionSubject {
  private let mesh: DeviceMesh
  private let attention: ParallelAttention
  /// Of each layer. Calls go from one to the next, so that a cache of the device holds none of them.
  private let caches: [ShardedKVCache]
  /// A plan whose rows are all keys, and one whose rows are the queries.
  private let appends, plan: ShardedAttentionPlan
  private let queries, keys, values, result: ShardedTensor
  private var call = 0

  private static let blockLength = 128

  /// Operands on the ranks, keys and values in the caches of all layers.
  init(_ problem: AttentionProblem, on mesh: DeviceMesh, layers: Int = 1) async throws {
    let workload = problem.workload
    let heads = workload.heads
    let partition = try AttentionPartition(heads, ranks: mesh.count)
    let blocks = (workload.keys + Self.blockLength - 1) / Self.blockLength
    let caches = try (0..<layers).map { _ in
      try ShardedKVCache(
        on: mesh, partition: partition, format: workload.format, blocks: blocks, blockLength: Self.blockLength)
    }
    func plan(rows: Int) throws -> ShardedAttentionPlan {
      let plan = ShardedAttentionPlan(like: caches[0], span: workload.rule.span)
      try plan.update([KVSequence(queries: 0..<rows, keyCount: workload.keys, blocks: Array(0..<blocks))])
      return plan
    }
    func tensor(_ values: [Float], _ rows: Int, _ partition: Partition) throws -> ShardedTensor {
      try ShardedTensor(
        values, rows: rows, columns: partition.length, on: mesh, placement: .shard(1), partition: partition)
    }
    self.mesh = mesh
    self.caches = caches
    attention = try ParallelAttention(workload.rule, like: caches[0])
    appends = try plan(rows: workload.keys)
    self.plan = try plan(rows: workload.queries)
    queries = try tensor(problem.queries, workload.queries, partition.queries)
    keys = try tensor(problem.keys, workload.keys, partition.keys)
    values = try tensor(problem.values, workload.keys, partition.values)
    result = try ShardedTensor(
      on: mesh, rows: workload.queries, columns: heads.resultColumns, placement: .shard(1),
      partition: partition.results)
    for cache in caches { try await append(to: cache) }
    try await mesh.finish()
  }

  /// Attention to keys and values that are there.
  func decode(_ count: Int) async throws {
    for _ in 0..<count {
      try await attention(queries, caches[call % caches.count], plan, into: result)
      call += 1
    }
    try await mesh.finish()
  }

  /// Storing all keys and values, then attention.
  func prefill(_ count: Int) async throws {
    for _ in 0..<count {
      try await append(to: caches[0])
      try await attention(queries, caches[0], plan, into: result)
    }
    try await mesh.finish()
  }

  private func append(to cache: ShardedKVCache) async throws {
    try await attention.append(keys: keys, values: values, to: cache, appends)
  }

  /// What the last attention made.
  func output() async throws -> [Float] { try await result.download() }

  /// Runs the attention, and compares the result with the CPU fallback's, bit for bit, and with the formula in f64.
  ///
  /// - Returns: The error in units of its bound; infinite where bits differ.
  func errorOverBound(_ problem: AttentionProblem) async throws -> Double {
    try await decode(1)
    let found = try await output()
    let host = try await AttentionSubject(problem, on: DeviceMesh([HostDevice()]))
    try await host.decode(1)
    guard try await host.output().map(\.bitPattern) == found.map(\.bitPattern) else { return .infinity }
    return try problem.errorOverBound(of: found)
  }
}
