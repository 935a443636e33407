// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("vocabulary-parallel logits") struct VocabularyLogitsTests {
  static let (rows, columns) = (3, 5 * 1024 + 100)

  /// Logits of few values, so that many are equal; NaN and infinity in the last row.
  static func logits(_ seed: TestSeed) -> [Float] {
    var numbers = RandomNumbers(seed)
    var values = numbers.integers(rows * columns, in: -3000...3000).map { $0 / 8 }
    values[2 * columns + 4000] = .nan
    values[2 * columns + 77] = .infinity
    values[2 * columns + 5000] = .nan
    return values
  }

  static func cuts(ranks: Int, granularity: Int, _ numbers: inout RandomNumbers) throws -> [Distribution] {
    let leaves = try numbers.partition((columns + granularity - 1) / granularity, parts: ranks)
    return [
      .replicate, .shard(1, try .even(columns, parts: ranks, granularity: granularity)),
      .shard(1, try .fromBorders(leaves.borders.map { min(columns, $0 * granularity) })),
    ]
  }

  @Test("have the largest of one device", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func topK(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed)
    let values = Self.logits(seed)
    let one = try ShardedTensor(
      values, rows: Self.rows, columns: Self.columns, on: MeshCase.host(1), placement: .replicate)
    let expected = try await one.topK(60, scale: 0.25, softCap: 30)
    #expect(expected.allSatisfy { $0.count == 60 } && expected[2].prefix(3).map(\.index) == [4000, 5000, 77])
    let largest = try await one.argmax()
    #expect(largest[0] == values[..<Self.columns].firstIndex(of: values[..<Self.columns].max() ?? 0))
    for distribution in try Self.cuts(ranks: mesh.count, granularity: 1, &numbers) {
      let logits = try ShardedTensor(
        values, rows: Self.rows, columns: Self.columns, on: mesh, placement: distribution.placement,
        partition: distribution.partition)
      let found = try await logits.topK(60, scale: 0.25, softCap: 30)
      #expect(found.map { $0.map(\.index) } == expected.map { $0.map(\.index) }, "\(distribution)")
      #expect(found.map { bits($0.map(\.value)) } == expected.map { bits($0.map(\.value)) }, "\(distribution)")
      #expect(try await logits.argmax() == largest)
      // Fewer tokens than there is room for; the ids are on every rank.
      let search = try VocabularyTopK(on: mesh, k: 2, capacity: 5)
      let ids = try await search(logits, scale: 0.25, softCap: 30)
      #expect(try await ids.download() == expected.flatMap { $0.prefix(2).map { Int32($0.index) } })
    }
  }

  @Test("have the log-sums of one device", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func logSumExp(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed)
    let values = Self.logits(seed).map { $0.isNaN ? 5 : $0 }
    for (scale, softCap) in [(0.02, nil), (1, 20)] as [(Float, Float?)] {
      let one = try ShardedTensor(
        values, rows: Self.rows, columns: Self.columns, on: MeshCase.host(1), placement: .replicate)
      let expected = try await one.logSumExp(scale: scale, softCap: softCap)
      #expect(expected.allSatisfy { $0 > 0 })
      for distribution in try Self.cuts(ranks: mesh.count, granularity: LeafSums.leafLength, &numbers) {
        let logits = try ShardedTensor(
          values, rows: Self.rows, columns: Self.columns, on: mesh, placement: distribution.placement,
          partition: distribution.partition)
        #expect(bits(try await logits.logSumExp(scale: scale, softCap: softCap)) == bits(expected), "\(distribution)")
      }
    }
  }

  @Test("come from a column-parallel layer, with fewer columns than are asked for", arguments: [1, 3])
  func fromLayer(ranks: Int) async throws {
    let mesh = try MeshCase.host(ranks)
    let weight = try HostMatrix((0..<5 * 8).map { Float($0 / 8) }, rows: 5, columns: 8)
    let x = try ShardedTensor(
      [Float](repeating: 1, count: 8), rows: 1, columns: 8, on: mesh, placement: .replicate)
    let head = try ColumnParallelLinear(weight: weight, on: mesh, granularity: LeafSums.leafLength)
    let logits = try await head(x)
    let top = try await logits.topK(9)
    #expect(top == [[4, 3, 2, 1, 0].map { Candidate(index: $0, value: Float(8 * $0)) }])
    #expect(try await logits.argmax() == [4])
    let sum = try await logits.logSumExp()
    #expect(abs(sum[0] - 32.000335) < 1e-4)
  }

  @Test("refuse placements and cuts that do not fit, and say what helps") func refusals() async throws {
    let mesh = try MeshCase.host(2)
    func tensor(_ placement: Placement, columns: Int = 3000, _ partition: Partition? = nil) throws -> ShardedTensor {
      try ShardedTensor(on: mesh, rows: 2, columns: columns, placement: placement, partition: partition)
    }
    #expect(await message { _ = try await tensor(.shard(0)).argmax() }.contains("redistribute it to .replicate"))
    #expect(
      await message { _ = try await tensor(.partial).logSumExp() }.contains("a log-sum of logits of a tensor .partial"))
    #expect(await message { _ = try await tensor(.shard(1)).logSumExp() }.contains("give the layer granularity: 1024"))
    #expect(await message { _ = try await tensor(.replicate).topK(0) }.contains("the 0 largest"))
    #expect(await message { _ = try await tensor(.replicate).topK(257) }.contains("1 to 256 are possible"))
    #expect(await message { _ = try await tensor(.replicate).topK(1, softCap: -1) }.contains("a soft-cap of -1.0"))
    #expect(await message { _ = try await tensor(.replicate, columns: 0).argmax() }.contains("no columns"))
    let search = try VocabularyTopK(on: mesh, k: 1, capacity: 1)
    #expect(await message { try await search(tensor(.replicate)) }.contains("of 2 tokens, with room for 1"))
    #expect(await message { _ = try await search.download(tokens: 2) }.contains("with room for 1"))
    #expect(await message { _ = try VocabularyTopK(on: mesh, k: 1, capacity: -1) }.contains("sizes"))
    #expect(try await tensor(.replicate, columns: 0).topK(3) == [[], []])
    #expect(try await tensor(.shard(1), columns: 0).logSumExp() == [-.infinity, -.infinity])
  }
}
