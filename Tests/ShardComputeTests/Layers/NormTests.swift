// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@Suite("norm/rows", .serialized) struct NormTests {
  typealias Kind = ProductTests.Kind
  static let kinds: [Kind] = [.host, .cpu, .cpu8, .cpu4, .gpu]
  /// Nothing, one, one either side of a vector, half the chains, all chains and their multiples; primes.
  static let widths = [1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 640, 1000, 1031]

  @Test("has the bits of the definition", arguments: kinds, TestSeed.fixedAndFresh)
  func edgeShapes(kind: Kind, seed: TestSeed) async throws {
    try await Self.expectEdgeShapes(on: kind.shared(), seed)
  }

  static func expectEdgeShapes(on device: any ComputeDevice, _ seed: TestSeed) async throws {
    for (index, columns) in ([0] + widths).enumerated() {
      for kind in Norm.Kind.allCases {
        for step in 0..<6 {
          var problem = NormProblem(kind, rows: [0, 1, 3, 9, 5, 2][(index + step) % 6], columns: columns)
          problem.hasWeight = step != 1
          problem.hasBias = step == 1 || step == 2 || step == 5
          problem.hasDelta = step >= 3
          problem.weightOffset = step == 4 ? 1 : 0
          problem.gap = step
          try await expectBits(problem, on: device, seed)
        }
      }
    }
  }

  @Test("norms heads as rows of their own", arguments: kinds)
  func heads(kind: Kind) async throws {
    let device = try kind.shared()
    for (heads, size) in [(1, 64), (3, 1), (5, 64), (2, 128), (3, 80), (4, 257)] {
      for hasDelta in [false, true] {
        var problem = NormProblem(.rms, rows: 7, columns: heads * size)
        (problem.headSize, problem.hasDelta, problem.weightOffset, problem.gap) = (size, hasDelta, 1, 5)
        try await Self.expectBits(problem, on: device, TestSeed(3))
      }
    }
  }

  @Test("many rows are each as they are alone, and may be normed in place", arguments: kinds)
  func manyRows(kind: Kind) async throws {
    let device = try kind.shared()
    for place in NormProblem.Place.allCases {
      for hasDelta in [false, true] where place != (hasDelta ? .x : .delta) {
        var problem = NormProblem(.rms, rows: 211, columns: 96, place: place)
        problem.hasDelta = hasDelta
        try await Self.expectBits(problem, on: device, TestSeed(4))
        problem.kind = .layer
        problem.hasBias = true
        try await Self.expectBits(problem, on: device, TestSeed(5))
      }
    }
  }

  @Test("rows whose roots are taken together, some or all of them", arguments: kinds)
  func together(kind: Kind) async throws {
    // All lanes and a rest, as many as stay in the cache, one; heads of several rows.
    for (rows, columns, headSize) in [(211, 24, nil), (150, 600, nil), (35, 4100, nil), (61, 192, 64), (29, 900, 300)] {
      for norm in Norm.Kind.allCases {
        var problem = NormProblem(norm, rows: rows, columns: columns)
        (problem.headSize, problem.hasDelta, problem.hasBias) = (headSize, norm == .rms, norm == .layer)
        try await Self.expectBits(problem, on: kind.shared(), TestSeed(8))
      }
    }
  }

  @Test("NaN, infinity, overflow and nothing but zeros give what the definition says", arguments: kinds)
  func specialValues(kind: Kind) async throws {
    let device = try kind.shared()
    let huge = Float.greatestFiniteMagnitude
    let rows: [[Float]] = [
      .init(repeating: 0, count: 200), .init(repeating: -0.0, count: 200), .init(repeating: huge, count: 200),
      .init(repeating: .leastNonzeroMagnitude, count: 200), .init(repeating: 3, count: 200),
      [.nan] + .init(repeating: 1, count: 199), [.infinity] + .init(repeating: 1, count: 199),
      .init(repeating: 1, count: 199) + [-.infinity], [.infinity, -.infinity] + .init(repeating: 0, count: 198),
    ]
    for kind in Norm.Kind.allCases {
      for epsilon: Float in [1e-5, 0] {
        var problem = NormProblem(kind, rows: rows.count, columns: 200)
        problem.epsilon = epsilon
        problem.x = rows.flatMap(\.self)
        try await Self.expectBits(problem, on: device, TestSeed(6))
      }
    }
  }

  @Test("is as close to f64 as f32 can be", arguments: [Kind.host, .cpu, .gpu])
  func bound(kind: Kind) async throws {
    let device = try kind.shared()
    for columns in [1, 7, 128, 1000, 4096] {
      for kind in Norm.Kind.allCases {
        var problem = NormProblem(kind, rows: 4, columns: columns)
        problem.hasBias = kind == .layer
        let operands = problem.operands(TestSeed(7))
        let result = try await problem.run(on: device, operands).result
        let reference = LayerReference.norm(
          kind, operands.x, columns: columns, weight: operands.weight, weightOffset: problem.weightOffset,
          bias: problem.hasBias ? operands.bias : nil, epsilon: problem.epsilon)
        let error = reference.largestErrorOverBound(of: result)
        #expect(error <= 1, "\(problem)")
      }
    }
  }

  @Test("has the same bits on every level of the CPU fallback") func levels() async throws {
    await #expect(processExitsWith: .success) { try await NormTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await NormTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    try await expectEdgeShapes(on: HostDevice(), TestSeed(1))
  }

  @Test("refuses operands that do not belong together, with the values") func refusals() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 4000)
    let (x, row) = (
      try MatrixView(memory, rows: 4, columns: 6, leadingDimension: 20), try MatrixView(memory, rows: 1, columns: 6)
    )
    let other = try MatrixView(device.allocate(byteCount: 96), rows: 4, columns: 6)
    func message(_ body: () throws -> Norm) -> String {
      #expect(throws: ComputeError.self) { _ = try body() }?.description ?? ""
    }
    func norm(
      _ x: MatrixView, adding delta: MatrixView? = nil, weight: MatrixView? = nil, headSize: Int? = nil,
      into result: MatrixView
    ) throws -> Norm {
      try Norm(.rms, of: x, adding: delta, weight: weight, epsilon: 0, headSize: headSize, into: result)
    }
    _ = try norm(x, into: x)
    _ = try norm(x, adding: other, into: other)
    // Side by side in the rows of one matrix.
    _ = try norm(x, into: MatrixView(memory, rows: 4, columns: 6, leadingDimension: 20, offset: 6))
    #expect(message { try norm(x, weight: row.transposed, into: other) }.contains("a weight of 6 × 1"))
    #expect(message { try norm(x, into: other.transposed) }.contains("a result of 6 × 4"))
    #expect(message { try norm(x, headSize: 4, into: other) }.contains("heads of 4 columns in a matrix of 4 × 6"))
    #expect(message { try norm(x, headSize: 0, into: other) }.contains("heads of 0 columns"))
    _ = try norm(x, headSize: 3, into: other)
    #expect(message { try norm(x, adding: other, into: x) }.contains("overlaps x of 4 × 6"))
    #expect(message { try norm(x, weight: row, into: x) }.contains("overlaps a weight or bias"))
    let shifted = try MatrixView(memory, rows: 4, columns: 6, leadingDimension: 20, offset: 5)
    #expect(message { try norm(x, into: shifted) }.contains("in place means exactly the same elements"))
    #expect(message { try norm(x, adding: shifted, into: other) }.contains("they must lie apart"))
  }

  private static func expectBits(
    _ problem: NormProblem, on device: any ComputeDevice, _ seed: TestSeed
  ) async throws {
    let operands = problem.operands(seed)
    let (result, sums, intact) = try await problem.run(on: device, operands)
    let expected = problem.definition(operands)
    #expect(differences(result, expected.result).isEmpty, "\(problem) \(seed) on \(device.name)")
    #expect(differences(sums, expected.x).isEmpty, "x of \(problem) \(seed) on \(device.name)")
    #expect(intact, "guard words of \(problem) on \(device.name)")
  }
}
