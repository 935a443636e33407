// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@Suite("softmax/rows", .serialized) struct SoftmaxTests {
  typealias Kind = ProductTests.Kind

  @Test("has the bits of the definition", arguments: NormTests.kinds, TestSeed.fixedAndFresh)
  func edgeShapes(kind: Kind, seed: TestSeed) async throws {
    try await Self.expectEdgeShapes(on: kind.shared(), seed)
  }

  static func expectEdgeShapes(on device: any ComputeDevice, _ seed: TestSeed) async throws {
    for (index, columns) in ([0] + NormTests.widths).enumerated() {
      for mask in SoftmaxProblem.Mask.allCases {
        var problem = SoftmaxProblem(rows: [0, 1, 6, 4, 2][index % 5], columns: columns, mask: mask)
        problem.gap = index % 3
        problem.isInPlace = index.isMultiple(of: 2)
        problem.softCap = index % 4 == 1 ? 3 : nil
        problem.scale = index % 4 == 2 ? 1 : 40
        try await expectBits(problem, on: device, seed)
      }
    }
  }

  @Test("many rows are each as they are alone", arguments: NormTests.kinds)
  func manyRows(kind: Kind) async throws {
    let device = try kind.shared()
    for mask in SoftmaxProblem.Mask.allCases {
      try await Self.expectBits(SoftmaxProblem(rows: 210, columns: 97, mask: mask), on: device, TestSeed(2))
    }
  }

  @Test("rows in which nothing counts become zeros; NaN and infinity do what IEEE says", arguments: NormTests.kinds)
  func specialValues(kind: Kind) async throws {
    let device = try kind.shared()
    let infinity = Float.infinity
    let rows: [[Float]] = [
      .init(repeating: -infinity, count: 150), [infinity] + .init(repeating: 0, count: 149),
      [.nan] + .init(repeating: 0, count: 149), .init(repeating: 0, count: 149) + [-infinity],
      .init(repeating: -.greatestFiniteMagnitude, count: 150), [-0.0, 0] + .init(repeating: -infinity, count: 148),
    ]
    var problem = SoftmaxProblem(rows: rows.count, columns: 150, mask: .none)
    problem.x = rows.flatMap(\.self)
    try await Self.expectBits(problem, on: device, TestSeed(1))
    let result = try await problem.run(on: device, problem.operands(TestSeed(1))).result
    #expect(result[..<150].allSatisfy { $0.bitPattern == 0 })
    #expect(result[150..<450].allSatisfy { $0.isNaN })
    #expect(result[450..<599].allSatisfy { $0 == result[450] && $0 > 0 } && result[599] == 0)
    #expect(result[750] == 0.5 && result[751] == 0.5)
  }

  @Test("is as close to f64 as f32 can be", arguments: [Kind.host, .cpu, .gpu])
  func bound(kind: Kind) async throws {
    let device = try kind.shared()
    for columns in [1, 7, 128, 1000, 4096] {
      for softCap in [nil, 5] as [Float?] {
        var problem = SoftmaxProblem(rows: 3, columns: columns, mask: .none)
        (problem.softCap, problem.scale) = (softCap, 8)
        let operands = problem.operands(TestSeed(8))
        let result = try await problem.run(on: device, operands).result
        let reference = LayerReference.softmax(operands.x, columns: columns, scale: 8, softCap: softCap)
        let error = reference.largestErrorOverBound(of: result)
        #expect(error <= 1, "\(problem)")
      }
    }
  }

  @Test("has the same bits on every level of the CPU fallback") func levels() async throws {
    await #expect(processExitsWith: .success) { try await SoftmaxTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await SoftmaxTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    try await expectEdgeShapes(on: HostDevice(), TestSeed(1))
  }

  @Test("refuses operands that do not belong together, with the values") func refusals() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 400)
    let x = try MatrixView(memory, rows: 4, columns: 6)
    func message(_ body: () throws -> Softmax) -> String {
      #expect(throws: ComputeError.self) { _ = try body() }?.description ?? ""
    }
    #expect(message { try Softmax(of: x, softCap: 0, into: x) }.contains("a soft-cap of 0.0"))
    #expect(message { try Softmax(of: x, softCap: .nan, into: x) }.contains("a soft-cap of nan"))
    #expect(message { try Softmax(of: x, causalOver: 3, into: x) }.contains("matrices of 3 queries in one of 4 rows"))
    #expect(message { try Softmax(of: x, causalOver: 0, into: x) }.contains("matrices of 0 queries"))
    #expect(message { try Softmax(of: x, into: x.rows(0..<3)) }.contains("a result of 3 × 6"))
    #expect(
      message { try Softmax(of: x, lengths: IndexVector(memory, count: 3), into: x) }.contains("3 lengths for"))
    #expect(throws: ComputeError.self) { try IndexVector(memory, count: 100, offset: 1) }
    #expect(throws: ComputeError.self) { try IndexVector(memory, count: -1) }
    #expect(throws: ComputeError.self) { try IndexVector(memory, count: .max, offset: .max) }
  }

  private static func expectBits(
    _ problem: SoftmaxProblem, on device: any ComputeDevice, _ seed: TestSeed
  ) async throws {
    let operands = problem.operands(seed)
    let (result, intact) = try await problem.run(on: device, operands)
    #expect(
      differences(result, problem.definition(operands)).isEmpty, "\(problem) \(seed) on \(device.name)")
    #expect(intact, "guard words of \(problem) on \(device.name)")
  }
}

/// A softmax whose operands come from a seed, with its definition.
struct SoftmaxProblem: CustomStringConvertible, Sendable {
  enum Mask: CaseIterable { case none, causal, lengths, both }

  let rows: Int
  let columns: Int
  let mask: Mask
  var scale: Float = 1
  var softCap: Float?
  var gap = 0
  var isInPlace = false
  /// The scores, where they are not random.
  var x: [Float]?

  var description: String {
    "\(rows)x\(columns) mask \(mask) scale \(scale) soft-cap \(softCap ?? 0) gap \(gap) in place \(isInPlace)"
  }

  /// Half the rows, where there is an even number: two matrices one below the other.
  private var queries: Int? {
    mask == .causal || mask == .both ? max(1, rows.isMultiple(of: 2) ? rows / 2 : rows) : nil
  }
  private var hasLengths: Bool { mask == .lengths || mask == .both }

  struct Operands {
    let x: [Float]
    let lengths: [Int32]
  }

  func operands(_ seed: TestSeed) -> Operands {
    var numbers = RandomNumbers(seed)
    let random = numbers.floats(rows * columns)
    // Below nothing, nothing, everything and more.
    return Operands(
      x: x ?? random, lengths: (0..<rows).map { _ in Int32.random(in: -2...Int32(columns) + 2, using: &numbers) })
  }

  /// What every device must return, bit for bit.
  func definition(_ operands: Operands) -> [Float] {
    (0..<rows).flatMap { row in
      var valid = columns
      if let queries { valid = columns - queries + row % queries + 1 }
      if hasLengths { valid = min(valid, Int(operands.lengths[row])) }
      let scores = operands.x[row * columns..<(row + 1) * columns].prefix(max(0, valid)).map {
        RowDefinition.capped($0, scale: scale, softCap: softCap)
      }
      let top = scores.reduce(-.infinity) { $1 > $0 ? $1 : $0 }
      let e = scores.map { RowDefinition.apply(.exp, $0 - (top == -.infinity ? 0 : top)) }
      let sum = RowDefinition.sum(e.count) { $0 += e[$1] }
      let factor = sum == 0 ? 0 : RowDefinition.reciprocal(sum)
      return e.map { $0 * factor } + [Float](repeating: 0, count: columns - e.count)
    }
  }

  /// The result, and whether guard words are as they were.
  func run(on device: any ComputeDevice, _ operands: Operands) async throws -> (result: [Float], isIntact: Bool) {
    let x = try GappedMatrix(device, operands.x, rows: rows, columns: columns, gap: gap)
    let apart = try GappedMatrix(
      device, .init(repeating: .nan, count: rows * columns), rows: rows, columns: columns, gap: 2 * gap)
    let result = isInPlace ? x : apart
    let lengths = try IndexVector(device.upload([-7] + operands.lengths), count: rows, offset: 1)
    try device.softmax(
      Softmax(
        of: x.view, scale: scale, softCap: softCap, causalOver: queries, lengths: hasLengths ? lengths : nil,
        into: result.view))
    let (found, source) = (try await result.contents(), try await x.contents())
    return (
      found.values,
      found.isIntact && source.isIntact && (isInPlace || differences(source.values, operands.x).isEmpty)
    )
  }
}
