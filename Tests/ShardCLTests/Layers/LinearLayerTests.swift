// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("Parallel linear layers") struct LinearLayerTests {
  struct Layer {
    let tokens = 5
    let inputs = 96
    let outputs = 22
    let x: [Float]
    let weight: HostMatrix
    let bias: HostMatrix

    init(_ seed: TestSeed) throws {
      var numbers = RandomNumbers(seed)
      x = numbers.floats(tokens * inputs)
      weight = try HostMatrix(numbers.floats(outputs * inputs), rows: outputs, columns: inputs)
      bias = try HostMatrix(numbers.floats(outputs), rows: 1, columns: outputs)
    }

    /// The layer on one device, with the bias added here.
    func expected(bias hasBias: Bool) async throws -> [Float] {
      let mesh = try DeviceMesh([HostDevice()])
      let weight = try ShardedWeight(weight, on: mesh, placement: .replicate, unit: 32)
      let product = try await matmul(
        ShardedTensor(x, rows: tokens, columns: inputs, on: mesh, placement: .replicate), weight
      ).download()
      let values = bias.memory.array(of: Float.self)
      return hasBias ? product.enumerated().map { $1 + values[$0 % outputs] } : product
    }
  }

  @Test("column-parallel has the bits of one device", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func columnParallel(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    let layer = try Layer(seed)
    let x = try ShardedTensor(
      layer.x, rows: layer.tokens, columns: layer.inputs, on: mesh, placement: .replicate)
    for (bias, granularity) in [(false, 1), (true, 1), (true, 4)] {
      let linear = try ColumnParallelLinear(
        weight: layer.weight, bias: bias ? layer.bias : nil, on: mesh, granularity: granularity, unit: 32)
      let expected = try await layer.expected(bias: bias)
      let result = try await linear(x)
      #expect(result.placement == .shard(1))
      #expect(bits(try await result.download()) == bits(expected))
      // Twice into the same memory: the bias is added to the product, not to what was there.
      try await linear(x, into: result)
      #expect(bits(try await result.download()) == bits(expected))
    }
  }

  @Test("a gated column-parallel layer has the bits of its parts", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func gated(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    let layer = try Layer(seed)
    var numbers = RandomNumbers(seed)
    let up = try HostMatrix(
      numbers.floats(layer.outputs * layer.inputs), rows: layer.outputs, columns: layer.inputs)
    let bias = numbers.floats(2 * layer.outputs)
    let linear = try ColumnParallelLinear(
      weight: InterleavedRows(gate: layer.weight, up: up),
      bias: HostMatrix(bias, rows: 1, columns: 2 * layer.outputs), activation: .silu, isGated: true, on: mesh, unit: 32)
    let x = try ShardedTensor(layer.x, rows: layer.tokens, columns: layer.inputs, on: mesh, placement: .replicate)
    let one = try DeviceMesh([HostDevice()])
    let wholeX = try ShardedTensor(layer.x, rows: layer.tokens, columns: layer.inputs, on: one, placement: .replicate)
    func part(_ weight: HostMatrix) async throws -> [Float] {
      try await matmul(wholeX, ShardedWeight(weight, on: one, placement: .replicate, unit: 32)).download()
    }
    let (gates, ups) = (try await part(layer.weight), try await part(up))
    let expected = gates.indices.map { index in
      let feature = index % layer.outputs
      return linear.activation(gates[index] + bias[2 * feature]) * (ups[index] + bias[2 * feature + 1])
    }
    let result = try await linear(x)
    #expect(result.columns == layer.outputs)
    #expect(bits(try await result.download()) == bits(expected))
  }

  @Test("interleaved rows are those of both, for any part, and must match") func interleavedRows() throws {
    let gate = try HostMatrix([1, 2, 3, 4, 5, 6], rows: 3, columns: 2)
    let up = try HostMatrix([-1, -2, -3, -4, -5, -6], rows: 3, columns: 2)
    let both = try InterleavedRows(gate: gate, up: up)
    #expect(
      try both.block(rows: 0..<6, columns: 0..<2).array(of: Float.self) == [1, 2, -1, -2, 3, 4, -3, -4, 5, 6, -5, -6])
    #expect(try both.block(rows: 1..<4, columns: 1..<2).array(of: Float.self) == [-2, 4, -4])
    #expect(try both.block(rows: 2..<2, columns: 0..<2).byteCount == 0)
    #expect(throws: ShardingError.self) { try both.block(rows: 5..<7, columns: 0..<2) }
    let wide = try HostMatrix([1, 2, 3, 4, 5, 6], rows: 2, columns: 3)
    #expect(throws: ShardingError.self) { try InterleavedRows(gate: gate, up: wide) }
    #expect(throws: ShardingError.self) {
      try ColumnParallelLinear(weight: gate, isGated: true, on: MeshCase.host(2))
    }
  }

  @Test(
    "row-parallel adds the bias once, in every placement of the result", arguments: MeshCase.all, TestSeed.fixedAndFresh
  )
  func rowParallel(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    let layer = try Layer(seed)
    for bias in [false, true] {
      let linear = try RowParallelLinear(
        weight: layer.weight, bias: bias ? layer.bias : nil, on: mesh, unit: 32)
      let x = try ShardedTensor(
        layer.x, rows: layer.tokens, columns: layer.inputs, on: mesh, placement: .shard(1),
        partition: linear.weight.partition)
      let expected = try await layer.expected(bias: bias)
      for placement in [Placement.replicate, .shard(0), .shard(1)] {
        let result = try await linear(x, to: placement)
        #expect(result.placement == placement)
        #expect(bits(try await result.download()) == bits(expected), "bias \(bias), to \(placement)")
        try await linear(x, addends: linear.makeAddends(rows: layer.tokens), into: result)
        #expect(bits(try await result.download()) == bits(expected), "bias \(bias), to \(placement), again")
      }
    }
  }

  @Test(
    "row-parallel adds a residual last, in every placement of the result", arguments: MeshCase.all,
    TestSeed.fixedAndFresh)
  func residual(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    let layer = try Layer(seed)
    var numbers = RandomNumbers(seed)
    let values = numbers.floats(layer.tokens * layer.outputs)
    let linear = try RowParallelLinear(weight: layer.weight, bias: layer.bias, on: mesh, unit: 32)
    let x = try ShardedTensor(
      layer.x, rows: layer.tokens, columns: layer.inputs, on: mesh, placement: .shard(1),
      partition: linear.weight.partition)
    let expected = zip(try await layer.expected(bias: true), values).map { $0 + $1 }
    for placement in [Placement.replicate, .shard(0), .shard(1)] {
      let residual = try ShardedTensor(
        values, rows: layer.tokens, columns: layer.outputs, on: mesh, placement: placement)
      let result = try await linear(x, residual: residual, to: placement)
      #expect(bits(try await result.download()) == bits(expected), "to \(placement)")
      #expect(bits(try await residual.download()) == bits(values))
    }
  }

  @Test("a residual that is cut, placed or sized otherwise is refused, and one in the result's memory")
  func residualRefusals() async throws {
    let mesh = try MeshCase.host(2)
    let layer = try Layer(TestSeed(3))
    let linear = try RowParallelLinear(weight: layer.weight, on: mesh)
    let x = try ShardedTensor(
      layer.x, rows: layer.tokens, columns: layer.inputs, on: mesh, placement: .shard(1),
      partition: linear.weight.partition)
    func tensor(_ columns: Int, _ placement: Placement) throws -> ShardedTensor {
      try ShardedTensor(on: mesh, rows: layer.tokens, columns: columns, placement: placement)
    }
    for residual in [try tensor(layer.outputs, .shard(0)), try tensor(layer.outputs + 1, .replicate)] {
      await #expect(throws: ShardingError.self) { try await linear(x, residual: residual) }
    }
    let result = try tensor(layer.outputs, .replicate)
    await #expect {
      try await linear(x, residual: result, addends: linear.makeAddends(rows: layer.tokens), into: result)
    } throws: { "\($0)".contains("memory of the result") }
  }

  @Test(
    "a column-parallel layer feeds a row-parallel one without moving anything", arguments: MeshCase.all,
    TestSeed.fixedAndFresh)
  func pair(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    let one = try DeviceMesh([HostDevice()])
    var numbers = RandomNumbers(seed)
    let (tokens, model, hidden, head) = (3, 40, 96, 8)
    let up = try HostMatrix(numbers.floats(hidden * model), rows: hidden, columns: model)
    let down = try HostMatrix(numbers.floats(model * hidden), rows: model, columns: hidden)
    let values = numbers.floats(tokens * model)
    func run(on mesh: DeviceMesh) async throws -> [Float] {
      let second = try RowParallelLinear(weight: down, on: mesh, unit: head)
      let first = try ColumnParallelLinear(weight: up, on: mesh, partition: second.weight.partition)
      let x = try ShardedTensor(values, rows: tokens, columns: model, on: mesh, placement: .replicate)
      return try await second(first(x)).download()
    }
    #expect(bits(try await run(on: mesh)) == bits(try await run(on: one)))
  }

  @Test("a step into memory that is there allocates nothing, whatever its number of tokens")
  func allocatesNothing() async throws {
    let devices = (0..<3).map { _ in CountingDevice() }
    let mesh = try DeviceMesh(devices)
    let (tokens, model, hidden) = (9, 24, 64)
    var numbers = RandomNumbers(seed: 4)
    let down = try RowParallelLinear(
      weight: HostMatrix(numbers.floats(model * hidden), rows: model, columns: hidden),
      bias: HostMatrix(numbers.floats(model), rows: 1, columns: model), on: mesh)
    let up = try ColumnParallelLinear(
      weight: HostMatrix(numbers.floats(hidden * model), rows: hidden, columns: model), on: mesh,
      partition: down.weight.partition)
    let x = try ShardedTensor(
      numbers.floats(tokens * model), rows: tokens, columns: model, on: mesh, placement: .replicate)
    let between = try await up(x)
    let addends = try down.makeAddends(rows: tokens)
    let result = try await down(between)
    let before = devices.map(\.allocations)
    #expect(before.allSatisfy { $0 > 0 })
    for rows in [1, 9, 4] {
      let between = try between.resized(rows: rows)
      try await up(x.resized(rows: rows), into: between)
      try await down(between, addends: addends.resized(rows: rows), into: result.resized(rows: rows))
    }
    try await mesh.finish()
    #expect(devices.map(\.allocations) == before)
  }

  @Test("the lines of the module's page run")
  func page() async throws {
    let mesh = try DeviceMesh(selecting: "host/2")
    let (model, hidden) = (64, 256)
    let down = try RowParallelLinear(
      weight: HostMatrix([Float](repeating: 0.5, count: model * hidden), rows: model, columns: hidden), on: mesh)
    let up = try ColumnParallelLinear(
      weight: HostMatrix([Float](repeating: 0.25, count: hidden * model), rows: hidden, columns: model), on: mesh,
      partition: down.weight.partition)
    let x = try ShardedTensor(
      [Float](repeating: 1, count: model), rows: 1, columns: model, on: mesh, placement: .replicate)
    let y = try await down(up(x)).download()
    #expect(y == [Float](repeating: 2048, count: model))
  }

  @Test("wrong inputs, biases and results are refused")
  func refusals() async throws {
    let mesh = try MeshCase.host(2)
    let layer = try Layer(TestSeed(3))
    let short = try HostMatrix([1, 2, 3], rows: 1, columns: 3)
    #expect { try ColumnParallelLinear(weight: layer.weight, bias: short, on: mesh) } throws: {
      "\($0)".contains("1 × 3") && "\($0)".contains("1 × 22")
    }
    #expect(throws: ShardingError.self) { try RowParallelLinear(weight: layer.weight, bias: short, on: mesh) }
    let linear = try RowParallelLinear(weight: layer.weight, bias: layer.bias, on: mesh)
    let whole = try ShardedTensor(layer.x, rows: 5, columns: 96, on: mesh, placement: .replicate)
    await #expect(throws: ShardingError.noRule(x: .replicate, weight: .shard(1), fix: .shard(1))) {
      try await linear(whole)
    }
    let x = try await whole.redistribute(to: .shard(1), partition: linear.weight.partition)
    await #expect(throws: ShardingError.noTransition(from: .replicate, to: .partial)) {
      try await linear(x, to: .partial)
    }
  }
}
