// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@Suite("products with quantised weights") struct QuantisedProductTests {
  typealias Kind = ProductTests.Kind
  static let formats = WeightFormat.allCases.filter(\.isQuantised)

  /// Where one kind of block after the other would only be more kernels to compile: signed, with offsets, nested.
  private static let kinds: [Kind] = [.host, .cpu]
  private static let someFormats: [WeightFormat] = [.q8_0, .q5_1, .q6_K]

  @Test("have the bits of the definition", arguments: [Kind.host, .cpu], formats)
  func edgeShapes(kind: Kind, format: WeightFormat) async throws {
    try await Self.expectEdgeShapes(on: kind.device(), format)
  }

  @Test("have them with narrow vectors too", arguments: [Kind.cpu4, .cpu8], [WeightFormat.iq4_nl, .q5_K])
  func narrowVectors(kind: Kind, format: WeightFormat) async throws {
    try await Self.expectEdgeShapes(on: kind.device(), format)
  }

  @Test("have them with the kernels of GPUs", arguments: [WeightFormat.q8_0, .q4_0, .iq4_nl, .q5_K, .q6_K])
  func ofGPUs(format: WeightFormat) async throws { try await Self.expectEdgeShapes(on: Kind.gpu.device(), format) }

  /// Nothing, one, one either side of a tile and a panel; from no block to more than two a leaf.
  static func expectEdgeShapes(on device: any ComputeDevice, _ format: WeightFormat) async throws {
    for blocks in [0, 1, 2, 3, 8, 9, 17] {
      let problem = QuantisedProblem(format, m: 40, n: 97, blocks: blocks)
      let operands = try problem.operands(seed: 1)
      let sums = problem.leafSums(operands)
      for m in [0, 1, 2, 7, 8, 9, 15, 40] {
        for n in [0, 1, 31, 32, 33, 97] { try await expectBits(problem, operands, sums, on: device, m: m, n: n) }
      }
    }
  }

  @Test("make a node for each complete subtree of the leaves they own", arguments: kinds, [1, 3])
  func leafRanges(kind: Kind, unit: Int) async throws {
    let device = try kind.device()
    for format in [WeightFormat.q5_0, .q4_1, .q4_K, .q6_K] {
      for begin in 0...8 {
        for end in begin...8 {
          let problem = QuantisedProblem(format, m: 17, n: 35, blocks: 11, unit: unit, leaves: begin..<end)
          let operands = try problem.operands(seed: 2)
          let sums = problem.leafSums(operands)
          for m in [3, 17] { try await Self.expectBits(problem, operands, sums, on: device, m: m, n: 35) }
        }
      }
    }
  }

  @Test("have the same bits where a leaf is too long for one chunk of columns", arguments: kinds)
  func longLeaves(kind: Kind) async throws {
    let device = try kind.device()
    for (format, blocks) in [(WeightFormat.q8_0, 329), (.q5_1, 263), (.q5_K, 41), (.q6_K, 33)] {
      let problem = QuantisedProblem(format, m: 16, n: 35, blocks: blocks)
      let operands = try problem.operands(seed: 3)
      let sums = problem.leafSums(operands)
      for m in [1, 5, 16] { try await Self.expectBits(problem, operands, sums, on: device, m: m, n: 35) }
    }
  }

  @Test("respect units, gaps, transposes, alpha and beta", arguments: kinds, someFormats)
  func variations(kind: Kind, format: WeightFormat) async throws {
    let device = try kind.device()
    for (unit, gap, leaves, isTransposed) in [(1, 5, 0..<8, false), (2, 0, 3..<6, true), (5, 3, 1..<8, false)] {
      var problem = QuantisedProblem(format, m: 40, n: 45, blocks: 13, unit: unit, leaves: leaves)
      (problem.shape.alpha, problem.shape.beta, problem.shape.gap) = (-0.7, 1.3, gap)
      problem.shape.transposedA = isTransposed
      let operands = try problem.operands(seed: 4)
      let sums = problem.leafSums(operands)
      for m in [1, 4, 8, 9, 40] { try await Self.expectBits(problem, operands, sums, on: device, m: m, n: 45) }
    }
  }

  @Test("of whole numbers are exact, and do not read C where beta is zero", arguments: kinds, someFormats)
  func exact(kind: Kind, format: WeightFormat) async throws {
    let problem = QuantisedProblem(format, m: 19, n: 45, blocks: 3)
    var operands = try problem.operands(seed: 5, whole: true)
    operands.c = operands.c.map { _ in .nan }
    let columns = problem.shape.columns
    let rows = QuantisedRow.rows(operands.weight, count: 45, format).map(\.values)
    for m in [1, 6, 19] {
      let result = try await problem.run(on: kind.device(), operands, m: m, n: 45).result
      for i in 0..<m {
        for j in 0..<45 {
          let sum = (0..<columns).reduce(0.0) { $0 + Double(operands.a[i * columns + $1]) * Double(rows[j][$1]) }
          #expect(Double(result[i * 45 + j]) == sum, "\(problem), element (\(i), \(j))")
        }
      }
    }
  }

  @Test("propagate NaN and infinity of scales as IEEE says", arguments: kinds, someFormats)
  func specialScales(kind: Kind, format: WeightFormat) async throws {
    let problem = QuantisedProblem(format, m: 16, n: 40, blocks: 5)
    let operands = try problem.operands(seed: 6)
    let perRow = 5 * format.blockByteCount
    operands.weight.withMutableBytes { bytes in
      for (row, block, bits) in [(1, 0, 0x7e00), (3, 4, 0x7c00), (39, 2, 0xfc00), (17, 1, 0x7c01)] {
        let place = row * perRow + block * format.blockByteCount + (format == .q6_K ? 208 : 0)
        bytes.storeBytes(of: UInt16(bits).littleEndian, toByteOffset: place, as: UInt16.self)
      }
    }
    let sums = problem.leafSums(operands)
    for m in [2, 16] {
      let (part, c, result, _) = try await problem.run(on: kind.device(), operands, m: m, n: 40)
      let expected = part.reference(c, leaf: sums.callAsFunction)
      #expect(expected.contains { !$0.isFinite })
      for (x, y) in zip(result, expected) { #expect(x == y || (x.isNaN && y.isNaN)) }
    }
  }

  @Test("are defined by the values that the library decodes", arguments: formats)
  func values(format: WeightFormat) throws {
    let memory = try SeededNumbers(seed: 7).blocks(rows: 5, columns: 3 * format.blockLength, format: format)
    let decoded = memory.decoded(rows: 0..<5, columns: 3 * format.blockLength, format)
    let rows = QuantisedRow.rows(memory, count: 5, format)
    #expect(decoded.values == rows.flatMap(\.values))
    let magnitudes = rows.flatMap {
      $0.groups.flatMap { group in
        group.values.map { abs(group.scale * $0) + abs(group.offset) }
      }
    }
    for (index, magnitude) in magnitudes.enumerated() {
      #expect(abs(decoded.magnitude(index) - magnitude) <= 1e-6 * magnitude, "\(index)")
    }
  }

  @Test("have the same bits on every level of the CPU fallback") func levels() async throws {
    // A level is chosen once in a process.
    await #expect(processExitsWith: .success) { try await QuantisedProductTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await QuantisedProductTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    let device = HostDevice()
    #if arch(x86_64)
      try #require(device.name.contains(level) || device.name.contains("default"))
    #endif
    for format in formats { try await expectEdgeShapes(on: device, format) }
  }

  private static func expectBits(
    _ problem: QuantisedProblem, _ operands: QuantisedProblem.Operands, _ sums: QuantisedProblem.LeafSums,
    on device: any ComputeDevice, m: Int, n: Int
  ) async throws {
    let (part, c, result, intact) = try await problem.run(on: device, operands, m: m, n: n)
    let expected = part.reference(c, leaf: sums.callAsFunction)
    #expect(result.map(\.bitPattern) == expected.map(\.bitPattern), "\(problem.format.rawValue) \(part)")
    #expect(intact, "guard words of \(problem.format.rawValue) \(part)")
  }
}
