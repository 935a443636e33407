// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@testable import ShardCL

@Suite("VocabularyParallelEmbedding") struct EmbeddingTests {
  static let (vocabulary, features) = (90, 64)

  /// An embedding in which many values are −0.
  static func source(_ format: WeightFormat, _ seed: TestSeed) throws -> HostMatrix {
    let numbers = SeededNumbers(seed: seed.value, name: "embedding")
    let elements = numbers.floats(vocabulary * features).map { abs($0) < 0.3 ? -0.0 : $0 }
    return try HostMatrix(
      format == .f32 ? HostMemory(elements) : numbers.blocks(rows: vocabulary, columns: features, format: format),
      rows: vocabulary, columns: features, format: format)
  }

  @Test("has the bits of one device, zeros with their signs", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func bits(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed)
    let ids = (0..<13).map { _ in Int32.random(in: 0..<Int32(Self.vocabulary), using: &numbers) } + [0, 89]
    for format in [WeightFormat.f32, .q8_0] {
      let source = try Self.source(format, seed)
      let values = source.memory.decoded(rows: 0..<Self.vocabulary, columns: Self.features, format).values
      let expected = ShardCLTests.bits(
        ids.flatMap { id in values[Int(id) * Self.features..<(Int(id) + 1) * Self.features].map { $0 * 3 } })
      #expect(format != .f32 || expected.contains { $0 == 0x8000_0000 })
      let tokens = try TokenIDs(ids, on: mesh)
      for partition in [nil, try numbers.partition(Self.vocabulary, parts: mesh.count)] {
        let embedding = try VocabularyParallelEmbedding(weight: source, scale: 3, on: mesh, partition: partition)
        for placement in [Placement.replicate, .shard(0), .shard(1)] {
          let result = try await embedding(tokens, to: placement)
          #expect(result.placement == placement)
          #expect(ShardCLTests.bits(try await result.download()) == expected)
        }
        let found = try embedding.makeAddends(tokens: ids.count)
        #expect(found.placement == .partial)
      }
      for placement in [Placement.replicate, .shard(1)] {
        let embedding = VocabularyParallelEmbedding(
          weight: try ShardedWeight(source, on: mesh, placement: placement), scale: 3)
        #expect(ShardCLTests.bits(try await embedding(tokens).download()) == expected)
        #expect(try embedding.makeAddends(tokens: 3).placement == placement)
      }
    }
  }

  @Test("shares its memory with the output head, and steps allocate nothing") func tied() async throws {
    let devices = (0..<3).map { _ in CountingDevice() }
    let mesh = try DeviceMesh(devices)
    let source = try Self.source(.f32, TestSeed(1))
    let head = try ColumnParallelLinear(weight: source, on: mesh)
    let before = devices.map(\.allocations)
    let embedding = VocabularyParallelEmbedding(weight: head.weight)
    #expect(devices.map(\.allocations) == before)
    let (addends, result) = (
      try embedding.makeAddends(tokens: 4),
      try ShardedTensor(on: mesh, rows: 4, columns: Self.features, placement: .replicate)
    )
    let logits = try ShardedTensor(
      on: mesh, rows: 4, columns: Self.vocabulary, placement: .shard(1), partition: head.partition)
    let search = try VocabularyTopK(on: mesh, k: 1, capacity: 4)
    var ids = try TokenIDs([5, 6, 7, 8], on: mesh)
    func step(_ ids: TokenIDs) async throws -> TokenIDs {
      try await embedding(ids, addends: addends, into: result)
      try await head(result, into: logits)
      return try await search(logits)
    }
    // Scratch memory is made at first use.
    var next = try await step(ids)
    let made = devices.map(\.allocations)
    for first in 0..<3 {
      ids = try ids.writing([Int32(first), 2, 3, 4])
      next = try await step(step(ids))
    }
    #expect(devices.map(\.allocations) == made)
    #expect(try await next.download().count == 4)
  }

  @Test("refuses ids that the host knows to be outside, with the first; others make NaN") func unknownIDs() async throws
  {
    let mesh = try MeshCase.host(3)
    let embedding = try VocabularyParallelEmbedding(weight: Self.source(.f32, TestSeed(1)), on: mesh)
    for id in [Int32(-1), 90, .max, .min] {
      let error = await #expect(throws: ComputeError.self) { try await embedding(TokenIDs([0, id], on: mesh)) }
      #expect(error == .outOfBounds("token id \(id) at position 1; ids are 0..<90"))
    }
    // As a device would have made them.
    let ids = try TokenIDs([3, -1, 90], on: mesh).resized(3)
    let result = try await embedding(ids).download()
    #expect(result[..<64].allSatisfy { !$0.isNaN } && result[64...].allSatisfy { $0.isNaN })
  }

  @Test("refuses tensors that do not fit") func refusals() async throws {
    let mesh = try MeshCase.host(2)
    let embedding = try VocabularyParallelEmbedding(weight: Self.source(.f32, TestSeed(1)), on: mesh)
    let ids = try TokenIDs([1, 2], on: mesh)
    let result = try ShardedTensor(on: mesh, rows: 2, columns: Self.features, placement: .replicate)
    await #expect(throws: ShardingError.self) {
      try await embedding(ids, addends: embedding.makeAddends(tokens: 3), into: result)
    }
    await #expect(throws: ShardingError.self) { try await embedding(ids, addends: result, into: result) }
    await #expect(throws: ShardingError.self) {
      try await embedding(ids, addends: result, into: embedding.makeAddends(tokens: 2))
    }
    await #expect(throws: ShardingError.self) { try await embedding(TokenIDs([1], on: MeshCase.host(2))) }
    #expect(throws: ShardingError.self) { try ids.writing([1, 2, 3]) }
    #expect(throws: ShardingError.self) { try TokenIDs(on: mesh, count: -1) }
    #expect(try await embedding(TokenIDs([], on: mesh)).download() == [])
  }
}
