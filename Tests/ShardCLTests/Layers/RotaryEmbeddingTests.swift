// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("rotary embedding") struct RotaryEmbeddingTests {
  /// The rotation on one device; without positions rows are at `first` + row.
  private static func expected(
    _ rotary: Rotary, _ x: [Float], rows: Int, headSize: Int, first: Int = 0, positions: [Int32]? = nil
  ) async throws -> [UInt32] {
    let device = HostDevice()
    let view = try MatrixView(device.upload(x), rows: rows, columns: x.count / max(1, rows))
    let list = try positions.map { try IndexVector(device.upload($0), count: rows) }
    try device.rotate(
      Rotation(
        of: view, headSize: headSize, by: RotaryAngles(rotary, count: 100, on: device),
        at: list.map { .each($0) } ?? .from(first), into: view))
    return bits(try await device.download(view.memory))
  }

  @Test("has the bits of one device", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func sameBits(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed)
    let (rows, heads, headSize) = (6, 8, 20)
    let columns = heads * headSize
    let x = numbers.floats(rows * columns)
    let positions = (0..<rows).map { _ in Int32.random(in: -1..<100, using: &numbers) }
    let even = try Partition.even(columns, parts: mesh.count, granularity: headSize)
    // Heads in parts of any size, some empty.
    let uneven = try Partition.fromBorders(numbers.partition(heads, parts: mesh.count).borders.map { $0 * headSize })
    let distributions =
      try NormLayerTests.placements(rows: rows, ranks: mesh.count, &numbers) + [.shard(1, even), .shard(1, uneven)]
    for (pairing, size) in [(Rotary.Pairing.halves, 20), (.interleaved, 12)] {
      let rotary = try Rotary(size: size, pairing: pairing)
      let layer = try RotaryEmbedding(rotary, headSize: headSize, positionCount: 100, on: mesh)
      let inOrder = try await Self.expected(rotary, x, rows: rows, headSize: headSize, first: 94)
      let listed = try await Self.expected(rotary, x, rows: rows, headSize: headSize, positions: positions)
      let list = try TokenIDs(positions, on: mesh)
      for distribution in distributions {
        let tensor = try ShardedTensor(
          x, rows: rows, columns: columns, on: mesh, placement: distribution.placement,
          partition: distribution.partition)
        let found = try await layer(tensor, from: 94)
        #expect(found.distribution == distribution)
        #expect(bits(try await found.download()) == inOrder)
        #expect(bits(try await layer(tensor, at: list).download()) == listed)
        #expect(bits(try await tensor.download()) == bits(x))
        try await layer(tensor, at: list, into: tensor)
        #expect(bits(try await tensor.download()) == listed)
      }
    }
  }

  @Test("takes one token, none, and any number of heads") func fewRows() async throws {
    let mesh = try MeshCase.host(3)
    let rotary = try Rotary(size: 8)
    let layer = try RotaryEmbedding(rotary, headSize: 8, positionCount: 4, on: mesh)
    var numbers = RandomNumbers(seed: 7)
    for (rows, heads) in [(0, 2), (1, 1), (1, 40), (4, 0)] {
      let x = numbers.floats(rows * heads * 8)
      for placement in [Placement.replicate, .shard(0), .shard(1)] {
        let partition = placement == .shard(1) ? try Partition.even(heads * 8, parts: 3, granularity: 8) : nil
        let tensor = try ShardedTensor(
          x, rows: rows, columns: heads * 8, on: mesh, placement: placement, partition: partition)
        let found = bits(try await layer(tensor).download())
        #expect(found == (x.isEmpty ? [] : try await Self.expected(rotary, x, rows: rows, headSize: 8)))
        let list = try TokenIDs((0..<rows).map(Int32.init), on: mesh)
        #expect(bits(try await layer(tensor, at: list).download()) == found)
      }
    }
  }

  @Test("refuses cuts, heads and positions that do not fit, with the values") func refusals() async throws {
    let mesh = try MeshCase.host(2)
    let layer = try RotaryEmbedding(Rotary(size: 4), headSize: 8, positionCount: 10, on: mesh)
    func x(_ placement: Placement, rows: Int = 3, columns: Int = 24) throws -> ShardedTensor {
      try ShardedTensor(on: mesh, rows: rows, columns: columns, placement: placement)
    }
    #expect(await message { _ = try await layer(x(.shard(1))) }.contains("for heads of 8 columns; no cut separates"))
    #expect(
      await message { _ = try await layer(x(.partial)) }
        == "no rule for a rotary embedding of a tensor .partial; redistribute it to .replicate")
    #expect(
      await message { _ = try await layer(x(.replicate, columns: 20)) }
        .contains("of heads of 8 columns for a tensor of 3 × 20"))
    #expect(await message { try await layer(x(.replicate), into: x(.shard(0))) }.contains("must be alike"))
    #expect(await message { _ = try await layer(x(.replicate), from: 8) }.contains("3 positions from 8 on"))
    #expect(await message { _ = try await layer(x(.shard(0)), from: -1) }.contains("3 positions from -1 on"))
    #expect(
      await message { _ = try await layer(x(.shard(0)), at: TokenIDs([1, 2], on: mesh)) }
        .contains("2 positions for a tensor of 3 × 24"))
    #expect(
      await message { _ = try await layer(x(.replicate), at: TokenIDs([1, 10, 2], on: mesh)) }
        .contains("position 10 of token 1 with rotary angles for 10 positions"))
    let other = try MeshCase.host(2)
    #expect(
      await message { _ = try await layer(x(.replicate), at: TokenIDs([1, 2, 3], on: other)) }
        .contains("positions are on"))
    #expect(
      await message { _ = try RotaryEmbedding(Rotary(size: 4), headSize: 5, positionCount: 1, on: mesh) }
        .contains("heads of 5 numbers"))
    #expect(
      await message { _ = try RotaryEmbedding(Rotary(size: 8), headSize: 6, positionCount: 1, on: mesh) }
        .contains("8 numbers in heads of 6"))
    #expect(
      await message { _ = try RotaryEmbedding(Rotary(size: 8), headSize: 8, positionCount: -1, on: mesh) }
        .isEmpty == false)
  }
}
