// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("attention over ranks") struct ParallelAttentionTests {
  /// Groups of one, of several and of all heads; heads that eight leaves do not divide; windows, sinks, slopes.
  private static func problems(_ seed: TestSeed) throws -> [AttentionCase] {
    try [
      problem((8, 2), 16, [(3, 300), (1, 140)], .causal, seed), problem((4, 1), 24, [(40, 400)], .window(150), seed),
      problem((12, 3), 8, [(1, 1200)], .causal, seed, sinks: true),
      problem((5, 5), 8, [(9, 100)], .all, seed, slopes: true),
      problem((6, 6), 8, [(0, 0), (2, 1)], .causal, seed),
    ]
  }

  private static func problem(
    _ heads: (Int, Int), _ size: Int, _ lengths: [(Int, Int)], _ span: AttentionRule.Span, _ seed: TestSeed,
    sinks: Bool = false, slopes: Bool = false
  ) throws -> AttentionCase {
    var random = RandomNumbers(seed)
    let rows = lengths.reduce(0) { $0 + $1.0 }
    return AttentionCase(
      heads: try AttentionHeads(queryHeads: heads.0, kvHeads: heads.1, keySize: size), rule: try AttentionRule(span),
      lengths: lengths, queries: random.floats(rows * heads.0 * size),
      keys: lengths.map { random.floats($0.1 * heads.1 * size) },
      values: lengths.map { random.floats($0.1 * heads.1 * size) },
      slopes: slopes ? (0..<heads.0).map { Float($0) / 8 } : nil, sinks: sinks ? random.floats(heads.0) : nil)
  }

  @Test("has the bits of one rank, however heads and keys are cut", arguments: MeshCase.all)
  func sameBits(mesh: MeshCase) async throws {
    let seed = TestSeed(5)
    var random = RandomNumbers(seed)
    let (mesh, one) = (try mesh.make(), try MeshCase.host(1))
    for problem in try Self.problems(seed) {
      let expected = try await problem.cutByHeads(on: one, AttentionPartition(problem.heads, ranks: 1))
      let even = try await problem.cutByHeads(on: mesh, AttentionPartition(problem.heads, ranks: mesh.count))
      #expect(bits(even.result) == bits(expected.result) && bits(even.logs) == bits(expected.logs))
      let weights = (0..<mesh.count).map { _ in Double.random(in: 0...1, using: &random) + 0.01 }
      let uneven = try await problem.cutByHeads(on: mesh, AttentionPartition(problem.heads, weights: weights))
      #expect(bits(uneven.result) == bits(expected.result) && bits(uneven.logs) == bits(expected.logs))
      let placement: Placement = [.replicate, .shard(0), .shard(1)].randomElement(using: &random) ?? .replicate
      for shares in [weights, weights.map { _ in 1 }] {
        let byKeys = try await problem.cutByKeys(on: mesh, shares: shares, to: placement)
        #expect(bits(byKeys) == bits(expected.result), "keys cut \(shares), \(placement)")
      }
    }
  }

  @Test("heads on one axis of a grid, keys on the other, have the bits of one rank") func grid() async throws {
    let problem = try Self.problem((4, 2), 16, [(5, 500)], .causal, TestSeed(3))
    let one = try await problem.cutByHeads(on: try MeshCase.host(1), AttentionPartition(problem.heads, ranks: 1))
    let mesh = try DeviceMesh((0..<6).map { HostDevice(selector: "host.\($0)", workers: 1) }, rows: 3)
    var columns: [[Float]] = []
    for column in 0..<2 {
      // Each column of the grid has the heads of one group.
      var part = problem
      part.heads = try AttentionHeads(queryHeads: 2, kvHeads: 1, keySize: 16)
      part.queries = (0..<5).flatMap { problem.queries[$0 * 64 + column * 32..<$0 * 64 + column * 32 + 32] }
      part.keys = [(0..<500).flatMap { problem.keys[0][$0 * 32 + column * 16..<$0 * 32 + column * 16 + 16] }]
      part.values = [(0..<500).flatMap { problem.values[0][$0 * 32 + column * 16..<$0 * 32 + column * 16 + 16] }]
      columns.append(
        try await part.cutByKeys(on: mesh.column(column), shares: [2, 1, 1], to: .replicate))
    }
    let whole = (0..<5).flatMap { row in columns.flatMap { $0[row * 32..<row * 32 + 32] } }
    #expect(bits(whole) == bits(one.result))
  }

  @Test("a layer's output projection can be cut where heads are, with the same bits", arguments: MeshCase.all)
  func outputProjection(mesh: MeshCase) async throws {
    let (mesh, one) = (try mesh.make(), try MeshCase.host(1))
    var random = RandomNumbers(seed: 4)
    for (query, kv) in [(8, 2), (12, 3), (4, 1), (6, 6), (24, 12)] {
      let heads = try AttentionHeads(queryHeads: query, kvHeads: kv, keySize: 8)
      let weight = try HostMatrix(random.floats(10 * heads.resultColumns), rows: 10, columns: heads.resultColumns)
      let x = random.floats(3 * heads.resultColumns)
      func project(_ mesh: DeviceMesh) async throws -> [Float] {
        let partition = try AttentionPartition(heads, ranks: mesh.count)
        let layer = try RowParallelLinear(
          weight: weight, on: mesh, unit: partition.outputUnit, partition: partition.results)
        let tensor = try ShardedTensor(
          x, rows: 3, columns: heads.resultColumns, on: mesh, placement: .shard(1), partition: partition.results)
        return try await layer(tensor).download()
      }
      #expect(try await bits(project(mesh)) == bits(project(one)), "\(query)/\(kv) heads")
    }
  }

  @Test("KV heads that several ranks need are loaded by each") func repeatedHeads() throws {
    let heads = try AttentionHeads(queryHeads: 4, kvHeads: 2, keySize: 2)
    let partition = try AttentionPartition(heads, ranks: 4)
    #expect(partition.queryHeads.counts == [1, 1, 1, 1])
    #expect(partition.kvHeads == [0..<1, 0..<1, 1..<2, 1..<2])
    let source = try HostMatrix((0..<8).map(Float.init), rows: 4, columns: 2)
    let rows = try partition.keyRows(source)
    #expect(rows.rows == 8)
    let all = try rows.block(rows: 0..<8, columns: 0..<2).array(of: Float.self)
    #expect(all == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7])
    #expect(try rows.block(rows: 3..<5, columns: 0..<2).array(of: Float.self) == [2, 3, 4, 5])
    #expect(throws: ShardingError.self) { try rows.block(rows: 3..<9, columns: 0..<2) }
  }

  @Test("heads are cut between groups, within them where ranks outnumber them, and some ranks may get none")
  func partitions() throws {
    func counts(_ query: Int, _ kv: Int, _ ranks: Int) throws -> [Int] {
      try AttentionPartition(AttentionHeads(queryHeads: query, kvHeads: kv, keySize: 8), ranks: ranks).queryHeads.counts
    }
    #expect(try counts(8, 2, 1) == [8])
    #expect(try counts(8, 2, 2) == [4, 4])
    #expect(try counts(6, 3, 2).sorted() == [2, 4])
    #expect(try counts(4, 1, 3).sorted() == [1, 1, 2])
    #expect(try counts(4, 1, 6).reduce(0, +) == 4)
    #expect(try counts(32, 8, 8) == Array(repeating: 4, count: 8))
    #expect(try counts(14, 2, 2) == [7, 7])
    for (query, kv) in [(71, 1), (24, 12), (40, 8), (28, 4), (12, 3), (64, 8), (0, 0), (9, 9)] {
      for ranks in 1...11 {
        let heads = try AttentionHeads(queryHeads: query, kvHeads: kv, keySize: 8)
        let partition = try AttentionPartition(heads, ranks: ranks)
        // What it makes it takes, and each rank's heads group.
        #expect(try AttentionPartition(heads, queryHeads: partition.queryHeads) == partition)
        for rank in 0..<ranks { _ = try partition.local(rank) }
      }
    }
    let heads = try AttentionHeads(queryHeads: 8, kvHeads: 2, keySize: 8)
    #expect(throws: ShardingError.self) { try AttentionPartition(heads, ranks: 2, blockLength: 0) }
    #expect(throws: ShardingError.self) { try AttentionPartition(heads, queryHeads: .fromBorders([0, 3, 8])) }
    #expect(throws: ShardingError.self) { try AttentionPartition(heads, queryHeads: .fromBorders([0, 4])) }
    #expect(throws: ShardingError.self) { try AttentionPartition(heads, ranks: 0) }
  }

  @Test("heads are cut where the blocks of the weight that follows end") func blocks() throws {
    let qwen = try AttentionHeads(queryHeads: 28, kvHeads: 4, keySize: 128)
    #expect(try AttentionPartition(qwen, ranks: 4).queryHeads.counts == [7, 7, 7, 7])
    #expect(try AttentionPartition(qwen, ranks: 2, blockLength: 256).queryHeads.counts == [14, 14])
    // Groups of 7 heads do not end with blocks of 2.
    #expect(try AttentionPartition(qwen, ranks: 4, blockLength: 256).queryHeads.counts.sorted() == [0, 0, 14, 14])
    for (query, kv, size, block) in [
      (32, 8, 64, 256), (28, 4, 128, 256), (14, 2, 64, 32), (4, 1, 256, 256), (6, 2, 80, 256),
    ] {
      let heads = try AttentionHeads(queryHeads: query, kvHeads: kv, keySize: size)
      for ranks in 1...9 {
        let partition = try AttentionPartition(heads, ranks: ranks, blockLength: block)
        let order = SumOrder(length: heads.resultColumns, unit: partition.outputUnit)
        #expect(partition.outputUnit.isMultiple(of: block))
        for rank in 0..<ranks { #expect(order.leaves(of: try partition.results.range(of: rank)) != nil) }
      }
    }
  }

  @Test("operands that are placed otherwise are refused, with both placements") func refusals() async throws {
    let mesh = try MeshCase.host(2)
    let heads = try AttentionHeads(queryHeads: 4, kvHeads: 2, keySize: 8)
    let partition = try AttentionPartition(heads, ranks: 2)
    let cache = try ShardedKVCache(on: mesh, partition: partition, blocks: 2)
    let plan = ShardedAttentionPlan(like: cache)
    try plan.update([KVSequence(queries: 0..<3, keyCount: 3, blocks: [0])])
    let attention = try ParallelAttention(AttentionRule(), like: cache)
    let replicated = try ShardedTensor(on: mesh, rows: 3, columns: 32, placement: .replicate)
    let error = await #expect(throws: ShardingError.self) { try await attention(replicated, cache, plan) }
    #expect(error?.description.contains("queries .replicate with a cache .shard(1)") == true)
    #expect(throws: ShardingError.self) { try plan.makeAddends(rows: 3) }
    #expect(throws: ShardingError.self) { try plan.update(ranks: [[], []]) }
    #expect(throws: ShardingError.self) { try ShardedKVCache(on: mesh, heads: heads, placement: .shard(1), blocks: 1) }
    #expect(throws: ShardingError.self) { try ParallelAttention(AttentionRule(), like: cache, sinks: [1]) }
    let byKeys = ShardedAttentionPlan(like: try ShardedKVCache(on: mesh, heads: heads, placement: .shard(0), blocks: 4))
    let sequence = { KVSequence(queries: 0..<1, keyCount: 300, blocks: [0, 1, 2], localKeys: $0) }
    try byKeys.update(ranks: [[sequence(0..<128)], [sequence(128..<300)]])
    for (first, second) in [(0..<128, 0..<300), (0..<128, 256..<300), (0..<100, 100..<300), (0..<128, 128..<256)] {
      #expect(throws: (any Error).self) { try byKeys.update(ranks: [[sequence(first)], [sequence(second)]]) }
    }
  }
}
