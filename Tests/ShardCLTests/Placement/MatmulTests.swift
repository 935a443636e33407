// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("matmul") struct MatmulTests {
  struct Shape: Sendable, CustomStringConvertible {
    let m, n, k: Int
    let unit: Int

    init(_ m: Int, _ n: Int, _ k: Int, unit: Int = 1) { (self.m, self.n, self.k, self.unit) = (m, n, k, unit) }

    var description: String { "\(m)x\(n)x\(k), unit \(unit)" }
  }

  /// Empty sides, one element, fewer terms than ranks, primes, both sides of the matrix-vector limit, heads.
  static let shapes = [
    Shape(0, 5, 7), Shape(3, 0, 7), Shape(3, 5, 0), Shape(1, 1, 1), Shape(2, 3, 2), Shape(1, 17, 64), Shape(8, 19, 101),
    Shape(9, 33, 128, unit: 32), Shape(13, 16, 96, unit: 32), Shape(31, 37, 257),
  ]

  struct Case {
    let shape: Shape
    let x: [Float]
    let weight: HostMatrix

    init(_ shape: Shape, _ type: ElementType, exact: Bool, _ numbers: inout RandomNumbers) throws {
      self.shape = shape
      x = exact ? numbers.integers(shape.m * shape.k, in: -8...8) : numbers.floats(shape.m * shape.k)
      let values = exact ? numbers.integers(shape.n * shape.k, in: -8...8) : numbers.floats(shape.n * shape.k)
      weight = try HostMatrix(
        HostMemory(type.encode(values)), rows: shape.n, columns: shape.k, format: WeightFormat(type))
    }

    /// The product on one device.
    func single(_ device: any ComputeDevice) async throws -> [Float] {
      let mesh = try DeviceMesh([device])
      return try await product(on: mesh, x: .replicate, weight: .replicate).download()
    }

    func product(
      on mesh: DeviceMesh, x placement: Placement, weight weightPlacement: Placement, partition: Partition? = nil
    ) async throws -> ShardedTensor {
      let weight = try ShardedWeight(
        weight, on: mesh, placement: weightPlacement, unit: shape.unit,
        partition: placement == .shard(0) ? nil : partition)
      let cut = placement == .shard(1) ? weight.partition : placement == .shard(0) ? partition : nil
      let x = try ShardedTensor(x, rows: shape.m, columns: shape.k, on: mesh, placement: placement, partition: cut)
      return try await matmul(x, weight)
    }
  }

  /// A pair of placements with a rule, and how the cut operand is cut; nil is as even as can be.
  private struct Rule {
    let x: Placement
    let weight: Placement
    var partition: Partition?
  }

  /// All rules with even and uneven cuts.
  private func rules(_ problem: Case, ranks: Int, _ numbers: inout RandomNumbers) throws -> [Rule] {
    let shape = problem.shape
    let order = SumOrder(length: shape.k, unit: shape.unit)
    return [
      Rule(x: .replicate, weight: .replicate),
      Rule(x: .replicate, weight: .shard(0)),
      Rule(x: .replicate, weight: .shard(0), partition: try numbers.partition(shape.n, parts: ranks)),
      Rule(x: .shard(0), weight: .replicate),
      Rule(x: .shard(0), weight: .replicate, partition: try numbers.partition(shape.m, parts: ranks)),
      Rule(x: .shard(1), weight: .shard(1)),
      Rule(x: .shard(1), weight: .shard(1), partition: try numbers.leafPartition(order, parts: ranks)),
    ]
  }

  /// The product under every rule in every placement, and summed in every way.
  private func check(_ problem: Case, on mesh: DeviceMesh, _ expected: [Float], _ rules: [Rule]) async throws {
    for rule in rules {
      let product = try await problem.product(on: mesh, x: rule.x, weight: rule.weight, partition: rule.partition)
      let placement = try PlacementRules.matmul(x: rule.x, weight: rule.weight)
      #expect(product.placement == placement)
      for placement in [Placement.replicate, .shard(0), .shard(1)] {
        let result = try await product.redistribute(to: placement).download()
        let same = bits(result) == bits(expected)
        #expect(
          same,
          "\(problem.shape), \(problem.weight.format), \(mesh.count) ranks, \(rule), to \(placement)")
      }
    }
  }

  @Test(
    "every rule has the bits of one device, on any number of ranks", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func sameBits(meshCase: MeshCase, seed: TestSeed) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed)
    for shape in Self.shapes {
      let type = try #require(ElementType.allCases.randomElement(using: &numbers))
      let problem = try Case(shape, type, exact: false, &numbers)
      let expected = try await problem.single(HostDevice())
      try await check(problem, on: mesh, expected, rules(problem, ranks: mesh.count, &numbers))
    }
  }

  @Test("integers come out exactly", arguments: MeshCase.all)
  func exact(meshCase: MeshCase) async throws {
    let mesh = try meshCase.make()
    var numbers = RandomNumbers(seed: 1)
    for shape in Self.shapes {
      let problem = try Case(shape, .f32, exact: true, &numbers)
      let weight = problem.weight.memory.array(of: Float.self)
      var expected = [Float](repeating: 0, count: shape.m * shape.n)
      for i in 0..<shape.m {
        for j in 0..<shape.n {
          expected[i * shape.n + j] = Float(
            (0..<shape.k).reduce(0) { $0 + Int(problem.x[i * shape.k + $1]) * Int(weight[j * shape.k + $1]) })
        }
      }
      try await check(problem, on: mesh, expected, rules(problem, ranks: mesh.count, &numbers))
    }
  }

  @Test("existing tensors take the result, also one with room for more rows")
  func into() async throws {
    let mesh = try MeshCase.host(3)
    var numbers = RandomNumbers(seed: 3)
    let problem = try Case(Shape(4, 10, 24), .f32, exact: false, &numbers)
    let expected = try await problem.single(HostDevice())
    let weight = try ShardedWeight(problem.weight, on: mesh, placement: .shard(1))
    let x = try ShardedTensor(
      problem.x, rows: 4, columns: 24, on: mesh, placement: .shard(1), partition: weight.partition)
    let room = try await matmul(
      ShardedTensor(
        numbers.floats(9 * 24), rows: 9, columns: 24, on: mesh, placement: .shard(1), partition: weight.partition),
      weight)
    let addends = try room.resized(rows: 4)
    try await matmul(x, weight, into: addends)
    #expect(bits(try await addends.download()) == bits(expected))
  }

  @Test("several tasks may use one mesh at the same time", arguments: TestDevices.kinds)
  func concurrent(kind: TestDevices.Kind) async throws {
    let mesh = try MeshCase(ranks: 2, kind: kind).make()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for seed in 0..<8 as Range<UInt64> {
        group.addTask {
          var numbers = RandomNumbers(seed: seed)
          let problem = try Case(Shape(31, 37, 257), .f32, exact: false, &numbers)
          let expected = try await problem.single(HostDevice())
          for _ in 0..<10 {
            let result = try await problem.product(on: mesh, x: .replicate, weight: .shard(0)).download()
            #expect(bits(result) == bits(expected), "task \(seed)")
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("pairs without a rule, other shapes, cuts and meshes are refused")
  func refusals() async throws {
    let (mesh, other) = (try MeshCase.host(2), try MeshCase.host(2))
    let matrix = try HostMatrix([Float](repeating: 1, count: 6 * 16), rows: 6, columns: 16)
    let columnParallel = try ShardedWeight(matrix, on: mesh, placement: .shard(0))
    let rowParallel = try ShardedWeight(matrix, on: mesh, placement: .shard(1))
    func x(_ placement: Placement, columns: Int = 16, partition: Partition? = nil, on mesh: DeviceMesh) throws
      -> ShardedTensor
    {
      try ShardedTensor(on: mesh, rows: 3, columns: columns, placement: placement, partition: partition)
    }
    await #expect(throws: ShardingError.noRule(x: .shard(0), weight: .shard(0), fix: .replicate)) {
      try await matmul(x(.shard(0), on: mesh), columnParallel)
    }
    await #expect(throws: ShardingError.noRule(x: .replicate, weight: .shard(1), fix: .shard(1))) {
      try await matmul(x(.replicate, on: mesh), rowParallel)
    }
    await #expect {
      try await matmul(x(.shard(1), partition: .fromBorders([0, 4, 16]), on: mesh), rowParallel)
    } throws: { "\($0)".contains("[4, 12]") && "\($0)".contains("[8, 8]") }
    await #expect { try await matmul(x(.replicate, columns: 15, on: mesh), columnParallel) } throws: {
      "\($0)".contains("3 × 15") && "\($0)".contains("6 × 16")
    }
    await #expect(throws: ShardingError.self) { try await matmul(x(.replicate, on: other), columnParallel) }
    for result in [
      try ShardedTensor(on: mesh, rows: 3, columns: 6, placement: .replicate),
      try ShardedTensor(on: mesh, rows: 3, columns: 6, placement: .shard(1), partition: .fromBorders([0, 2, 6])),
      try ShardedTensor(on: mesh, rows: 4, columns: 6, placement: .shard(1)),
      try ShardedTensor(on: other, rows: 3, columns: 6, placement: .shard(1)),
    ] {
      await #expect(throws: ShardingError.self) {
        try await matmul(x(.replicate, on: mesh), columnParallel, into: result)
      }
    }
  }
}
