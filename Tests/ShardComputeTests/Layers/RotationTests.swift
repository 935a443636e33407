// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import ShardCompute

@Suite("rotary/rows", .serialized) struct RotationTests {
  typealias Kind = ProductTests.Kind
  static let kinds = NormTests.kinds
  static let pairings = [Rotary.Pairing.halves, .interleaved]

  @Test("has the bits of the definition", arguments: kinds, TestSeed.fixedAndFresh)
  func edgeShapes(kind: Kind, seed: TestSeed) async throws {
    try await Self.expectEdgeShapes(on: kind.shared(), seed)
  }

  static func expectEdgeShapes(on device: any ComputeDevice, _ seed: TestSeed) async throws {
    var numbers = RandomNumbers(seed)
    // One pair; pairs one either side of whole vectors of 4, 8 and 16; the heads of models.
    for (index, headSize) in [2, 6, 8, 10, 14, 16, 18, 30, 32, 34, 64, 66, 80, 96, 128, 256].enumerated() {
      for pairing in pairings {
        for size in Set([0, 2, headSize / 4 * 2, headSize]).sorted() {
          let (rows, heads) = ([1, 2, 0, 5, 3][(index + size) % 5], [1, 3, 2, 7][(index + size / 2) % 4])
          let rotary = try Rotary(size: size, base: 100, pairing: pairing)
          var problem = RotationProblem(rotary, rows: rows, heads: heads, headSize: headSize)
          problem.first = size % 7
          problem.gap = index % 3
          problem.isInPlace = (index + size) % 3 == 0
          if index.isMultiple(of: 2) {
            problem.positions = (0..<rows).map { _ in Int32.random(in: -1..<64, using: &numbers) }
          }
          try await expectBits(problem, on: device, seed)
        }
      }
    }
  }

  @Test("many rows and many heads are each as they are alone", arguments: kinds)
  func many(kind: Kind) async throws {
    let device = try kind.shared()
    // Several rows of a work-item; rows of which several work-items have a part, and one head too many for equal parts.
    for (rows, heads, headSize) in [(300, 2, 64), (2, 1001, 32), (1, 301, 128), (40, 33, 128)] {
      for pairing in Self.pairings {
        for isInPlace in [false, true] {
          var problem = RotationProblem(
            try Rotary(size: headSize, pairing: pairing), rows: rows, heads: heads, headSize: headSize)
          (problem.isInPlace, problem.first) = (isInPlace, 5)
          try await Self.expectBits(problem, on: device, TestSeed(2))
        }
      }
    }
  }

  @Test("a position below 0 leaves its row alone, one without angles makes NaN of what turns", arguments: kinds)
  func positions(kind: Kind) async throws {
    for pairing in Self.pairings {
      for isInPlace in [false, true] {
        var problem = RotationProblem(try Rotary(size: 40, pairing: pairing), rows: 7, heads: 3, headSize: 44)
        problem.positions = [3, -1, .min, .max, Int32(problem.angleCount), Int32(problem.angleCount) - 1, 0]
        (problem.isInPlace, problem.gap) = (isInPlace, 3)
        try await Self.expectBits(problem, on: kind.shared(), TestSeed(3))
      }
    }
  }

  @Test("numbers that are not finite become what the definition says", arguments: kinds)
  func specialValues(kind: Kind) async throws {
    let huge = Float.greatestFiniteMagnitude
    for pairing in Self.pairings {
      var problem = RotationProblem(try Rotary(size: 64, pairing: pairing), rows: 2, heads: 8, headSize: 64)
      let values: [Float] = [0, -0.0, .nan, .infinity, -.infinity, huge, -huge, .leastNonzeroMagnitude]
      problem.x = (0..<2 * 8 * 64).map { values[($0 * 5 + $0 / 8) % values.count] }
      try await Self.expectBits(problem, on: kind.shared(), TestSeed(4))
    }
  }

  @Test("has the bits of what an append turns, keys and queries", arguments: [Kind.host, .cpu, .gpu])
  func append(kind: Kind) async throws {
    let device = try kind.shared()
    let (rows, places) = (70, [Int32](30..<100))
    var numbers = RandomNumbers(seed: 5)
    for format in KVFormat.allCases {
      for (pairing, size) in [(Rotary.Pairing.halves, 64), (.halves, 20), (.interleaved, 64), (.interleaved, 20)] {
        let heads = try AttentionHeads(queryHeads: 6, kvHeads: 2, keySize: 64)
        let angles = try RotaryAngles(Rotary(size: size, pairing: pairing), count: 100, on: device)
        let (queries, keys) = (numbers.floats(rows * heads.queryColumns), numbers.floats(rows * heads.keyColumns))
        func view(_ values: [Float]) throws -> MatrixView {
          try MatrixView(device.upload(values), rows: rows, columns: values.count / rows)
        }
        func stored(isFused: Bool) async throws -> (cache: [UInt8], queries: [Float]) {
          let cache = try KVCache(on: device, heads: heads, format: format, blocks: 4, blockLength: 32)
          try device.fill(cache.keys, at: 0, byteCount: cache.keys.byteCount & ~3, with: 0)
          let plan = AttentionPlan(on: device, like: cache)
          try plan.update([KVSequence(queries: 0..<rows, keyCount: 100, blocks: [2, 0, 3, 1])])
          let (q, k) = (try view(queries), try view(keys))
          if !isFused {
            try device.rotate(Rotation(of: q, headSize: 64, by: angles, at: .from(30), into: q))
            let list = try IndexVector(device.upload(places), count: rows)
            try device.rotate(Rotation(of: k, headSize: 64, by: angles, at: .each(list), into: k))
          }
          try device.append(
            KVAppend(
              plan, keys: k, values: view(keys), rotating: isFused ? q : nil, by: isFused ? angles : nil,
              into: cache))
          return (try await device.download(cache.keys), try await device.download(q.memory))
        }
        let (fused, apart) = (try await stored(isFused: true), try await stored(isFused: false))
        #expect(fused.cache == apart.cache, "keys \(format) \(pairing) \(size)")
        #expect(differences(apart.queries, fused.queries).isEmpty, "queries \(format) \(pairing) \(size)")
        #expect(fused.queries != queries)
      }
    }
  }

  @Test("is the rotation of its pairs as complex numbers, for every scaling", arguments: [Kind.host, .cpu, .gpu])
  func scalings(kind: Kind) async throws {
    let device = try kind.shared()
    for pairing in Self.pairings {
      for (base, scaling) in ComplexRotation.scalings {
        for size in [32, 80] {
          let rotary = try Rotary(size: size, base: base, pairing: pairing, scaling: scaling)
          var problem = RotationProblem(rotary, rows: 4, heads: 2, headSize: 80)
          problem.angleCount = 20_000
          problem.positions = [0, 1, 777, 19_999]
          let x = problem.operands(TestSeed(6))
          let found = try await problem.run(on: device, x).result
          let error = ComplexRotation(rotary).largestErrorOverBound(
            of: found, x, columns: 160, headSize: 80, positions: [0, 1, 777, 19_999])
          #expect(error <= 1, "\(pairing) \(base) \(scaling) \(size): \(error)")
          let judge = LayerReference.rotation(
            rotary, x, columns: 160, headSize: 80, positions: [0, 1, 777, 19_999])
          #expect(judge.largestErrorOverBound(of: found) <= 1)
        }
      }
    }
  }

  @Test("has the same bits on every level of the CPU fallback") func levels() async throws {
    await #expect(processExitsWith: .success) { try await RotationTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await RotationTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    try await expectEdgeShapes(on: HostDevice(), TestSeed(1))
  }

  @Test("refuses operands that do not belong together, with the values") func refusals() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 4000)
    let x = try MatrixView(memory, rows: 4, columns: 12, leadingDimension: 20)
    let angles = try RotaryAngles(Rotary(size: 4), count: 10, on: device)
    func message(
      _ x: MatrixView, headSize: Int = 6, by angles: RotaryAngles, at positions: Rotation.Positions = .from(0),
      into result: MatrixView? = nil
    ) -> String {
      #expect(throws: ComputeError.self) {
        _ = try Rotation(of: x, headSize: headSize, by: angles, at: positions, into: result ?? x)
      }?.description ?? ""
    }
    func list(_ count: Int) throws -> Rotation.Positions { .each(try IndexVector(memory, count: count)) }
    _ = try Rotation(of: x, headSize: 6, by: angles, at: .from(6), into: x)
    _ = try Rotation(of: x, headSize: 12, by: angles, at: list(4), into: x)
    #expect(message(x, headSize: 3, by: angles).contains("heads of 3 numbers"))
    #expect(message(x, headSize: 0, by: angles).contains("heads of 0 numbers"))
    #expect(message(x, headSize: -2, by: angles).contains("heads of -2 numbers"))
    #expect(message(x, headSize: 8, by: angles).contains("heads of 8 columns in a matrix of 4 × 12"))
    #expect(message(x, headSize: 2, by: angles).contains("rotary embedding of 4 numbers in heads of 2"))
    #expect(message(x, by: angles, at: .from(7)).contains("4 positions from 7 on with rotary angles for 10"))
    #expect(message(x, by: angles, at: .from(-1)).contains("4 positions from -1 on"))
    #expect(message(x, by: angles, at: .from(.max)).contains("positions from \(Int.max) on"))
    #expect(message(x, by: angles, at: try list(3)).contains("3 positions for a matrix of 4 rows"))
    #expect(message(x, by: angles, into: try x.rows(0..<3)).contains("a result of 3 × 12"))
    #expect(message(x.transposed, by: angles).contains("row-major"))
    let shifted = try MatrixView(memory, rows: 4, columns: 12, leadingDimension: 20, offset: 5)
    #expect(message(x, by: angles, into: shifted).contains("in place means exactly the same elements"))
  }

  private static func expectBits(
    _ problem: RotationProblem, on device: any ComputeDevice, _ seed: TestSeed
  ) async throws {
    let x = problem.operands(seed)
    let (result, isIntact) = try await problem.run(on: device, x)
    #expect(differences(result, problem.definition(x)).isEmpty, "\(problem) \(seed) on \(device.name)")
    #expect(isIntact, "guard words of \(problem) on \(device.name)")
  }
}
