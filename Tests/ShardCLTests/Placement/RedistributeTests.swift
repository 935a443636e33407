// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

@Suite("redistribute") struct RedistributeTests {
  /// Nothing, one element, a row, a column, primes, and more than every mesh has ranks.
  static let shapes = [(0, 3), (3, 0), (1, 1), (1, 13), (13, 1), (5, 7), (16, 24)]

  /// A distribution of every kind; cuts are even, random with empty parts, and all at the last rank.
  static func distributions(rows: Int, columns: Int, ranks: Int, _ numbers: inout RandomNumbers) throws
    -> [Distribution]
  {
    var all = [Distribution.replicate]
    for (axis, length) in [(0, rows), (1, columns)] {
      all.append(.shard(axis, try .even(length, parts: ranks)))
      all.append(.shard(axis, try numbers.partition(length, parts: ranks)))
      all.append(.shard(axis, try .fromBorders(Array(repeating: 0, count: ranks) + [length])))
    }
    return all
  }

  /// The part of `values` that a rank must hold.
  static func expected(_ values: [Float], _ tensor: ShardedTensor, rank: Int) -> [Float] {
    switch tensor.distribution {
    case .shard(0, let partition):
      return partition.range(of: rank).flatMap { values[$0 * tensor.columns..<($0 + 1) * tensor.columns] }
    case .shard(_, let partition):
      return (0..<tensor.rows).flatMap { row in partition.range(of: rank).map { values[row * tensor.columns + $0] } }
    case .replicate, .partial, .addends, .attention: return values
    }
  }

  @Test("every rank holds its part after every change of placement", arguments: MeshCase.all, TestSeed.fixedAndFresh)
  func everyTransition(meshCase: MeshCase, seed: TestSeed) async throws {
    let (mesh, ranks) = (try meshCase.make(), meshCase.ranks)
    var numbers = RandomNumbers(seed)
    for (rows, columns) in Self.shapes {
      let values = numbers.floats(rows * columns)
      let all = try Self.distributions(rows: rows, columns: columns, ranks: ranks, &numbers)
      for from in all + [try Distribution(.partial, rows: rows, columns: columns, ranks: ranks)] {
        let source = try ShardedTensor(
          values, rows: rows, columns: columns, on: mesh, placement: from.placement, partition: from.partition)
        for to in all {
          let result = try await source.redistribute(to: to.placement, partition: to.partition)
          #expect(result.distribution == to)
          for rank in 0..<ranks {
            let held = try await result.download(rank: rank)
            #expect(
              bits(held) == bits(Self.expected(values, result, rank: rank)),
              "\(rows) × \(columns), rank \(rank), \(from) to \(to)")
          }
          #expect(bits(try await result.download()) == bits(values), "\(rows) × \(columns), \(from) to \(to)")
        }
      }
    }
  }

  @Test("memory that is larger than the result keeps what lies behind it", arguments: MeshCase.all)
  func staysInside(meshCase: MeshCase) async throws {
    let (mesh, ranks) = (try meshCase.make(), meshCase.ranks)
    var numbers = RandomNumbers(seed: 7)
    let (rows, columns, spare) = (5, 7, 3)
    let values = numbers.floats(rows * columns)
    for placement in [Placement.replicate, .shard(1)] {
      let large = try ShardedTensor(
        numbers.floats((rows + spare) * columns), rows: rows + spare, columns: columns, on: mesh,
        placement: placement)
      let small = try large.resized(rows: rows)
      for from in [Placement.replicate, .shard(0), .shard(1), .partial] {
        var before: [[Float]] = []
        for rank in 0..<ranks { before.append(try await large.download(rank: rank)) }
        let source = try ShardedTensor(values, rows: rows, columns: columns, on: mesh, placement: from)
        try await source.redistribute(into: small)
        #expect(bits(try await small.download()) == bits(values))
        for rank in 0..<ranks {
          let count = try small.piece(of: rank).columns * rows
          let after = try await large.download(rank: rank)
          #expect(bits(Array(after[count...])) == bits(Array(before[rank][count...])), "\(from) to \(placement)")
        }
      }
    }
  }

  @Test("a tensor may have fewer rows over the same memory, never more than there is room for")
  func resized() async throws {
    let mesh = try MeshCase.host(3)
    for placement in [Placement.replicate, .shard(0), .shard(1), .partial] {
      let tensor = try ShardedTensor(on: mesh, rows: 6, columns: 5, placement: placement)
      #expect(try tensor.resized(rows: 4).rows == 4)
      #expect(try tensor.resized(rows: 6).distribution == tensor.distribution)
      #expect(throws: ShardingError.self) { try tensor.resized(rows: 7) }
      #expect(throws: ShardingError.self) { try tensor.resized(rows: -1) }
    }
  }

  @Test("a tensor refuses ranks and runs of leaves that there are not")
  func impossible() throws {
    let mesh = try MeshCase.host(2)
    for runs in [[0..<Int.max, 0..<0], [0..<4, 3..<8], [0..<4, 5..<8], [0..<0, 0..<0], [-1..<4, 4..<8]] {
      #expect(throws: ShardingError.self, "\(runs)") {
        try ShardedTensor(on: mesh, rows: 1, columns: 1, distribution: .partial(runs))
      }
    }
    #expect(throws: ShardingError.self) {
      try ShardedTensor(on: mesh, rows: .max, columns: 0, placement: .replicate)
    }
    let tensor = try ShardedTensor(on: mesh, rows: 1, columns: 1, distribution: .partial([4..<8, 0..<4]))
    for rank in [-1, 2] { #expect(throws: ShardingError.self) { try tensor.piece(of: rank) } }
  }

  @Test("nothing becomes partial but by a product")
  func toPartial() async throws {
    let mesh = try MeshCase.host(2)
    for placement in [Placement.replicate, .shard(0), .shard(1)] {
      let tensor = try ShardedTensor([1, 2], rows: 1, columns: 2, on: mesh, placement: placement)
      await #expect(throws: ShardingError.noTransition(from: placement, to: .partial)) {
        try await tensor.redistribute(to: .partial)
      }
    }
  }

  @Test("tensors of other shapes, meshes and cuts are refused")
  func refusals() async throws {
    let (mesh, other) = (try MeshCase.host(2), try MeshCase.host(2))
    let tensor = try ShardedTensor(on: mesh, rows: 4, columns: 6, placement: .replicate)
    await #expect(throws: ShardingError.self) {
      try await tensor.redistribute(into: ShardedTensor(on: mesh, rows: 4, columns: 5, placement: .shard(0)))
    }
    await #expect(throws: ShardingError.self) {
      try await tensor.redistribute(into: ShardedTensor(on: other, rows: 4, columns: 6, placement: .shard(0)))
    }
    await #expect(throws: ShardingError.self) { try await tensor.redistribute(to: .shard(2)) }
    await #expect(throws: ShardingError.self) {
      try await tensor.redistribute(to: .shard(1), partition: .even(5, parts: 2))
    }
    await #expect(throws: ShardingError.self) {
      try await tensor.redistribute(to: .shard(1), partition: .even(6, parts: 3))
    }
    await #expect(throws: ShardingError.self) {
      try await tensor.redistribute(to: .replicate, partition: .even(6, parts: 2))
    }
    #expect(throws: ShardingError.self) { try ShardedTensor(on: mesh, rows: -1, columns: 6, placement: .replicate) }
    #expect(throws: ShardingError.self) { try ShardedTensor(on: mesh, rows: .max, columns: 6, placement: .replicate) }
    #expect(throws: ShardingError.self) {
      try ShardedTensor(on: mesh, rows: 4, columns: 6, distribution: .partial([0..<8, 0..<8]))
    }
    #expect(throws: ShardingError.self) {
      try ShardedTensor([1, 2, 3], rows: 2, columns: 2, on: mesh, placement: .replicate)
    }
  }
}
