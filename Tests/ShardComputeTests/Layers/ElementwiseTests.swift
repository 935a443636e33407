// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@Suite("elementwise/activate", .serialized) struct ElementwiseTests {
  typealias Kind = ProductTests.Kind

  /// Where the operands lie.
  enum Layout: CaseIterable {
    /// One operand alone.
    case plain
    /// Two matrices.
    case apart
    /// The halves of one matrix.
    case halves
    /// The even and the odd columns of one matrix.
    case pairs
  }

  @Test("has the bits of the definition", arguments: NormTests.kinds, TestSeed.fixedAndFresh)
  func edgeShapes(kind: Kind, seed: TestSeed) async throws {
    try await Self.expectEdgeShapes(on: kind.shared(), seed)
  }

  static func expectEdgeShapes(on device: any ComputeDevice, _ seed: TestSeed) async throws {
    for (index, columns) in [0, 1, 2, 15, 16, 17, 31, 64, 65, 131, 1031].enumerated() {
      for activation in Epilogue.Activation.allCases {
        for layout in Layout.allCases {
          let problem = Problem(
            rows: [5, 0, 1, 2][(index + activation.rawValue.count) % 4], columns: columns, activation: activation,
            layout: layout, scale: index.isMultiple(of: 2) ? 1 : -0.3, gap: index % 3)
          try await expectBits(problem, on: device, seed)
        }
      }
    }
    // Several runs of a row, several rows of a work-item.
    try await expectBits(
      Problem(rows: 1, columns: 70001, activation: .silu, layout: .apart, scale: 1, gap: 0), on: device, seed)
    try await expectBits(
      Problem(rows: 700, columns: 70, activation: .gelu, layout: .halves, scale: 1, gap: 1), on: device, seed)
  }

  @Test("special values become what the activation makes of them", arguments: [Kind.host, .cpu, .gpu])
  func specialValues(kind: Kind) async throws {
    let values: [Float] = [0, -0.0, .infinity, -.infinity, .nan, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
    let (x, up) = (values.flatMap { v in values.map { _ in v } }, values.flatMap { _ in values })
    for activation in Epilogue.Activation.allCases {
      var problem = Problem(rows: 1, columns: x.count, activation: activation, layout: .apart, scale: 1, gap: 0)
      problem.values = (x, up)
      try await Self.expectBits(problem, on: kind.shared(), TestSeed(1))
    }
  }

  @Test("may be written over an operand", arguments: [Kind.host, .cpu, .gpu])
  func inPlace(kind: Kind) async throws {
    let device = try kind.shared()
    for isUp in [false, true] {
      let problem = Problem(rows: 3, columns: 77, activation: .geluTanh, layout: .apart, scale: 2, gap: 2)
      let (x, up) = problem.operands(TestSeed(2))
      let matrices = try [x, up].map { try GappedMatrix(device, $0, rows: 3, columns: 77, gap: 2) }
      let target = matrices[isUp ? 1 : 0]
      try device.apply(
        Elementwise(.geluTanh, of: matrices[0].view, times: matrices[1].view, scale: 2, into: target.view))
      let (found, intact) = try await target.contents()
      #expect(differences(found, problem.definition(x, up)).isEmpty && intact)
    }
  }

  @Test("is as close to f64 as f32 can be", arguments: [Kind.host, .cpu, .gpu])
  func bound(kind: Kind) async throws {
    for activation in Epilogue.Activation.allCases {
      let problem = Problem(rows: 2, columns: 3000, activation: activation, layout: .apart, scale: 1, gap: 0)
      var numbers = RandomNumbers(seed: 3)
      let x = (0..<6000).map { _ in Float.random(in: -12...12, using: &numbers) }
      let up = numbers.floats(6000)
      let result = try await problem.run(on: kind.shared(), x, up).result
      let reference = LayerReference.elementwise(activation, x, times: up, columns: 3000)
      #expect(reference.largestErrorOverBound(of: result) <= 1, "\(activation)")
    }
  }

  @Test("has the same bits on every level of the CPU fallback") func levels() async throws {
    await #expect(processExitsWith: .success) { try await ElementwiseTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await ElementwiseTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    try await expectEdgeShapes(on: HostDevice(), TestSeed(1))
  }

  @Test("refuses operands that do not belong together, with the values") func refusals() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 400)
    let (x, result) = (
      try MatrixView(memory, rows: 4, columns: 6), try MatrixView(device.allocate(byteCount: 96), rows: 4, columns: 6)
    )
    func message(_ body: () throws -> Elementwise) -> String {
      #expect(throws: ComputeError.self) { _ = try body() }?.description ?? ""
    }
    let pairs = try MatrixView(memory, rows: 4, columns: 12).pairs()
    _ = try Elementwise(of: pairs.0, times: pairs.1, into: result)
    #expect(message { try Elementwise(of: x, times: pairs.1, into: result) }.contains("with strides 12 and 2"))
    #expect(
      message { try Elementwise(of: pairs.0, into: MatrixView(memory, rows: 4, columns: 6)) }.contains("overlaps x"))
    #expect(message { try Elementwise(of: x, times: x.rows(0..<2), into: result) }.contains("an operand of 2 × 6"))
    #expect(message { try Elementwise(of: x, into: result.rows(0..<2)) }.contains("a result of 2 × 6"))
    #expect(throws: ComputeError.self) { try MatrixView(memory, rows: 2, columns: 3).pairs() }
    #expect(throws: ComputeError.self) { try MatrixView(memory, rows: 2, columns: 3).halves() }
  }

  private static func expectBits(_ problem: Problem, on device: any ComputeDevice, _ seed: TestSeed) async throws {
    let (x, up) = problem.operands(seed)
    let (result, intact) = try await problem.run(on: device, x, up)
    #expect(differences(result, problem.definition(x, up)).isEmpty, "\(problem) \(seed) on \(device.name)")
    #expect(intact, "guard words of \(problem) on \(device.name)")
  }

  struct Problem: Sendable {
    let rows: Int
    let columns: Int
    let activation: Epilogue.Activation
    let layout: Layout
    let scale: Float
    let gap: Int
    /// The operands, where they are not random.
    var values: (x: [Float], up: [Float])?

    func operands(_ seed: TestSeed) -> (x: [Float], up: [Float]) {
      if let values { return values }
      var numbers = RandomNumbers(seed)
      return (numbers.floats(rows * columns).map { 8 * $0 }, numbers.floats(rows * columns))
    }

    func definition(_ x: [Float], _ up: [Float]) -> [Float] {
      x.indices.map { i in
        let v = activation == .none ? x[i] : activation(x[i])
        return (layout == .plain ? v : v * up[i]) * scale
      }
    }

    func run(
      on device: any ComputeDevice, _ x: [Float], _ up: [Float]
    ) async throws -> (result: [Float], isIntact: Bool) {
      func matrix(_ values: [Float], _ columns: Int) throws -> GappedMatrix {
        try GappedMatrix(device, values, rows: rows, columns: columns, gap: gap)
      }
      // Rows of both, in the order of the layout.
      let together = (0..<rows).flatMap { i -> [Float] in
        let row = i * columns..<(i + 1) * columns
        return layout == .pairs ? row.flatMap { [x[$0], up[$0]] } : Array(x[row]) + Array(up[row])
      }
      let (gate, factor): (MatrixView, MatrixView?)
      switch layout {
      case .plain: (gate, factor) = (try matrix(x, columns).view, nil)
      case .apart: (gate, factor) = (try matrix(x, columns).view, try matrix(up, columns).view)
      case .halves: (gate, factor) = try matrix(together, 2 * columns).view.halves()
      case .pairs: (gate, factor) = try matrix(together, 2 * columns).view.pairs()
      }
      let result = try matrix(.init(repeating: 7, count: rows * columns), columns)
      try device.apply(Elementwise(activation, of: gate, times: factor, scale: scale, into: result.view))
      let (found, intact) = try await result.contents()
      return (found, intact)
    }
  }
}
