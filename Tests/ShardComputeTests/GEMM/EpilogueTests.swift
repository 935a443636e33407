// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("epilogues", .serialized) struct EpilogueTests {
  typealias Kind = ProductTests.Kind

  @Test("have the bits of their steps one after the other", arguments: [Kind.host, .cpu, .cpu8, .gpu])
  func activations(kind: Kind) async throws {
    let device = try kind.device()
    for activation in Epilogue.Activation.allCases {
      // Every combination is a kernel to compile: matrix-vector kernels with pairs of columns, matrix kernels without.
      for (m, n, k) in [(3, 70, 7), (17, 67, 100)] {
        var problem = ProductProblem(m: m, n: n, k: k, alpha: 3, gap: 2, activation: activation)
        problem.hasBias = true
        problem.hasResidual = true
        problem.isGated = n.isMultiple(of: 2)
        try await expectBits(problem, on: device)
      }
    }
  }

  @Test("have each step alone, and β", arguments: [Kind.host, .cpu, .gpu])
  func steps(kind: Kind) async throws {
    let device = try kind.device()
    for (m, n, k) in [(1, 36, 50), (20, 70, 50)] {
      for step in 0..<6 {
        var problem = ProductProblem(m: m, n: n, k: k, gap: 1)
        problem.hasBias = step == 0 || step == 4
        problem.hasResidual = step == 1 || step == 5
        problem.activation = step == 2 ? .reluSquared : .none
        problem.isGated = step == 3 || step == 4
        if !problem.isGated { problem.beta = -1.5 }
        try await expectBits(problem, on: device)
      }
    }
  }

  @Test("have them at every edge", arguments: [Kind.host, .cpu, .cpu4, .gpu])
  func edges(kind: Kind) async throws {
    let device = try kind.device()
    for (m, n, k) in ProductProblem.edgeShapes {
      var problem = ProductProblem(m: m, n: n + n % 2, k: k, elementType: .bf16, activation: .silu)
      problem.hasBias = true
      problem.isGated = true
      try await expectBits(problem, on: device)
    }
  }

  @Test("follow products with quantised weights too", arguments: [Kind.cpu, .gpu], [1, 20])
  func quantised(kind: Kind, m: Int) async throws {
    let device = try kind.device()
    let (n, k) = (70, 256)
    let stored = try SeededNumbers(seed: 5).blocks(rows: n, columns: k, format: .q4_0)
    let weight = try device.makeWeight(stored, rows: n, order: SumOrder(length: k, unit: 32), format: .q4_0)
    let a = try MatrixView(device.upload(SeededNumbers(seed: 6).floats(m * k)), rows: m, columns: k)
    let memory = try device.allocate(byteCount: 4 * m * n)
    try device.multiply(Product(a, weight, into: MatrixView(memory, rows: m, columns: n)))
    let sums = try await device.download(memory, as: Float.self)
    #expect(sums.contains { $0 != 0 })
    var problem = ProductProblem(m: m, n: n, k: k, activation: .gelu, hasBias: true, hasResidual: true)
    for isGated in [false, true] {
      problem.isGated = isGated
      let c = try MatrixView(memory, rows: m, columns: problem.width)
      try device.multiply(Product(a, weight, into: c, epilogue: problem.epilogue(on: device)))
      let result = try await device.download(memory, as: Float.self).prefix(m * problem.width)
      #expect(result.map(\.bitPattern) == problem.finished(sums).map(\.bitPattern), "gated \(isGated)")
    }
  }

  @Test("must follow the whole sum, and fit") func refusals() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 400)
    func product(leaves: Range<Int> = SumOrder.allLeaves, rows: Int = 4, beta: Float = 0, _ epilogue: Epilogue) throws {
      let weight = try Weight(on: device, rows: rows, order: SumOrder(length: 8), leaves: leaves, format: .f32)
      _ = try Product(
        MatrixView(memory, rows: 2, columns: weight.columns), weight,
        into: MatrixView(memory, rows: 2, columns: epilogue.isGated ? rows / 2 : rows), beta: beta, epilogue: epilogue)
    }
    func message(_ body: () throws -> Void) -> String {
      #expect(throws: ComputeError.self, performing: body)?.description ?? ""
    }
    let bias = try MatrixView(memory, rows: 1, columns: 4)
    try product(Epilogue(bias: bias, activation: .gelu, isGated: true))
    #expect(
      message { try product(leaves: 0..<4, Epilogue(activation: .relu)) }.contains("must follow the reduction"))
    #expect(message { try product(rows: 5, Epilogue(isGated: true)) }.contains("5 rows"))
    #expect(message { try product(beta: 1, Epilogue(isGated: true)) }.contains("β = 1.0"))
    #expect(message { try product(rows: 3, Epilogue(bias: bias)) }.contains("a bias of 1 × 4"))
    #expect(message { try product(Epilogue(bias: bias.transposed)) }.contains("a bias of 4 × 1"))
    #expect(message { try product(Epilogue(residual: bias)) }.contains("a residual of 1 × 4"))
    let transposed = try MatrixView(memory, rows: 4, columns: 2).transposed
    #expect(message { try product(Epilogue(residual: transposed)) }.contains("column stride 2"))
  }

  private func expectBits(_ problem: ProductProblem, on device: any ComputeDevice) async throws {
    let (a, w, c) = problem.operands(seed: 9, exact: false)
    let (result, intact) = try await problem.run(on: device, a, w, c)
    #expect(result.map(\.bitPattern) == problem.reference(a, w, c).map(\.bitPattern), "\(problem)")
    #expect(intact, "guard words of \(problem)")
  }
}
