// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("activations and gates") struct ActivateTests {
  @Test("have the bits of one device in every placement", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func bits(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed)
    let (rows, columns) = (4, 30)
    let (gate, up) = (numbers.floats(rows * columns), numbers.floats(rows * columns))
    let pairs = zip(gate, up).flatMap { [$0, $1] }
    let silu = Epilogue.Activation.silu
    let scaled = ShardCLTests.bits(gate.map { Epilogue.Activation.geluTanh($0) * 3 })
    let product = ShardCLTests.bits(zip(gate, up).map { silu($0) * $1 })
    for distribution in try RedistributeTests.distributions(
      rows: rows, columns: columns, ranks: mesh.count, &numbers)
    {
      func tensor(_ values: [Float], _ distribution: Distribution) throws -> ShardedTensor {
        try ShardedTensor(
          values, rows: rows, columns: values.count / rows, on: mesh, placement: distribution.placement,
          partition: distribution.partition)
      }
      let activated = try await activate(tensor(gate, distribution), by: .geluTanh, scale: 3)
      #expect(activated.distribution == distribution)
      #expect(ShardCLTests.bits(try await activated.download()) == scaled)

      let (x, y) = (try tensor(gate, distribution), try tensor(up, distribution))
      #expect(ShardCLTests.bits(try await gated(x, y, by: silu).download()) == product)
      try await gated(x, y, by: silu, into: x)
      #expect(ShardCLTests.bits(try await x.download()) == product)

      var wide = distribution
      if case .shard(1, let partition) = distribution {
        wide = .shard(1, try .fromBorders(partition.borders.map { 2 * $0 }))
      }
      let halved = try await gatedPairs(tensor(pairs, wide), by: silu)
      #expect(halved.distribution == distribution)
      #expect(ShardCLTests.bits(try await halved.download()) == product)
    }
  }

  @Test("refuse sums whose addends are apart, and cuts inside a pair") func refusals() async throws {
    let mesh = try MeshCase.host(2)
    func tensor(_ placement: Placement, columns: Int = 6, _ partition: Partition? = nil) throws -> ShardedTensor {
      try ShardedTensor(on: mesh, rows: 2, columns: columns, placement: placement, partition: partition)
    }
    #expect(
      await message { _ = try await activate(tensor(.partial), by: .relu) }
        == "no rule for an activation of a tensor .partial; redistribute it to .replicate")
    #expect(
      await message { _ = try await gated(tensor(.shard(1)), tensor(.replicate), by: .silu) }.contains("up .replicate"))
    #expect(
      await message { _ = try await gatedPairs(tensor(.shard(1)), by: .silu) }.contains("no cut separates a pair"))
    #expect(
      await message { _ = try await gatedPairs(tensor(.replicate, columns: 5), by: .silu) }.contains("in 5 columns"))
    #expect(
      await message { try await gatedPairs(tensor(.replicate), by: .silu, into: tensor(.shard(0), columns: 3)) }
        .contains("make 2 × 3 .replicate"))
  }
}
