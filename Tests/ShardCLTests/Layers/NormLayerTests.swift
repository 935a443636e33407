// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("norm layers") struct NormLayerTests {
  /// The placements that a norm takes: every rank everything, and tokens in even and in any parts.
  static func placements(rows: Int, ranks: Int, _ numbers: inout RandomNumbers) throws -> [Distribution] {
    [
      .replicate, .shard(0, try .even(rows, parts: ranks)), .shard(0, try numbers.partition(rows, parts: ranks)),
    ]
  }

  /// The norm on one device.
  static func expected(
    _ kind: Norm.Kind, _ x: [Float], columns: Int, _ weight: [Float], offset: Float = 0, bias: [Float]? = nil,
    headSize: Int? = nil
  ) async throws -> [Float] {
    let device = HostDevice()
    let memory = try device.upload(x)
    let view = try MatrixView(memory, rows: x.count / columns, columns: columns)
    func row(_ values: [Float]) throws -> MatrixView {
      try MatrixView(device.upload(values), rows: 1, columns: values.count)
    }
    try device.normalise(
      Norm(
        kind, of: view, weight: row(weight), weightOffset: offset, bias: bias.map(row), epsilon: 1e-5,
        headSize: headSize, into: view))
    return try await device.download(memory)
  }

  @Test("have the bits of one device", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func bits(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed)
    let (rows, columns) = (6, 200)
    let (x, delta) = (numbers.floats(rows * columns), numbers.floats(rows * columns))
    let (weight, bias) = (numbers.floats(columns), numbers.floats(columns))
    let sums = zip(x, delta).map { $0 + $1 }
    let (source, addend) = (
      try HostMatrix(weight, rows: 1, columns: columns), try HostMatrix(bias, rows: 1, columns: columns)
    )
    let rms = try RMSNorm(weight: source, weightOffset: 1, epsilon: 1e-5, on: mesh)
    let layer = try LayerNorm(weight: source, bias: addend, epsilon: 1e-5, on: mesh)
    let rmsOfX = ShardCLTests.bits(try await Self.expected(.rms, x, columns: columns, weight, offset: 1))
    let rmsOfSums = ShardCLTests.bits(try await Self.expected(.rms, sums, columns: columns, weight, offset: 1))
    let layerOfSums = ShardCLTests.bits(try await Self.expected(.layer, sums, columns: columns, weight, bias: bias))
    for distribution in try Self.placements(rows: rows, ranks: mesh.count, &numbers) {
      func tensor(_ values: [Float]) throws -> ShardedTensor {
        try ShardedTensor(
          values, rows: rows, columns: columns, on: mesh, placement: distribution.placement,
          partition: distribution.partition)
      }
      let alone = try await rms(tensor(x))
      #expect(alone.distribution == distribution)
      #expect(ShardCLTests.bits(try await alone.download()) == rmsOfX)

      let (residual, result) = (try tensor(x), try tensor(x))
      try await rms(residual, adding: tensor(delta), into: result)
      #expect(ShardCLTests.bits(try await result.download()) == rmsOfSums)
      #expect(ShardCLTests.bits(try await residual.download()) == ShardCLTests.bits(sums))

      let (again, target) = (try tensor(x), try tensor(delta))
      try await layer(again, adding: target, into: target)
      #expect(ShardCLTests.bits(try await target.download()) == layerOfSums)
    }
  }

  @Test("of heads may be cut between heads", arguments: MeshCase.all)
  func heads(meshCase: MeshCase) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed: 3)
    let (rows, heads, size) = (3, 8, 40)
    let x = numbers.floats(rows * heads * size)
    let weight = numbers.floats(size)
    let norm = try RMSNorm(
      weight: HostMatrix(weight, rows: 1, columns: size), epsilon: 1e-5, isPerHead: true, on: mesh)
    let expected = ShardCLTests.bits(
      try await Self.expected(.rms, x, columns: heads * size, weight, headSize: size))
    let partition = try Partition.even(heads * size, parts: mesh.count, granularity: size)
    for (placement, cut) in [(Placement.shard(1), partition), (.replicate, nil), (.shard(0), nil)] {
      let tensor = try ShardedTensor(
        x, rows: rows, columns: heads * size, on: mesh, placement: placement, partition: cut)
      try await norm(tensor, into: tensor)
      #expect(ShardCLTests.bits(try await tensor.download()) == expected)
    }
  }

  @Test("refuse placements and shapes without whole rows, and say what helps") func refusals() async throws {
    let mesh = try MeshCase.host(2)
    let weight = try HostMatrix([Float](repeating: 1, count: 8), rows: 1, columns: 8)
    let norm = try RMSNorm(weight: weight, epsilon: 1e-5, on: mesh)
    func x(_ placement: Placement, columns: Int = 8) throws -> ShardedTensor {
      try ShardedTensor(on: mesh, rows: 2, columns: columns, placement: placement)
    }
    #expect(
      await message { _ = try await norm(x(.shard(1))) }
        == "no rule for an RMSNorm of a tensor .shard(1); redistribute it to .replicate")
    #expect(await message { _ = try await norm(x(.partial)) }.contains("of a tensor .partial"))
    #expect(
      await message { _ = try await norm(x(.replicate, columns: 9)) }.contains("of 8 columns for a tensor of 2 × 9"))
    #expect(await message { try await norm(x(.replicate), into: x(.shard(0))) }.contains("must be alike"))
    #expect(await message { _ = try await norm(x(.replicate), adding: x(.shard(0))) }.contains("delta .shard(0)"))
    let perHead = try RMSNorm(weight: weight, epsilon: 1e-5, isPerHead: true, on: mesh)
    #expect(await message { _ = try await perHead(x(.shard(1), columns: 24)) }.contains("no cut separates a head"))
    #expect(await message { _ = try await perHead(x(.replicate, columns: 20)) }.contains("of heads of 8 columns"))
    #expect(
      await message {
        _ = try LayerNorm(weight: weight, bias: HostMatrix([1], rows: 1, columns: 1), epsilon: 0, on: mesh)
      }
      .contains("it must be 1 × 8 f32"))
  }
}
