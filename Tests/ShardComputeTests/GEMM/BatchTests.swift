// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("batches of products") struct BatchTests {
  typealias Kind = ProductTests.Kind
  private static let kinds: [Kind] = [.host, .cpu, .gpu]

  @Test("have the bits that each product has alone", arguments: kinds, [WeightFormat.f32, .q5_1])
  func bits(kind: Kind, format: WeightFormat) async throws {
    let device = try kind.device()
    for m in [3, 20] {
      for count in [0, 1, 5] {
        let problem = BatchProblem(count: count, m: m, n: 37, k: 96, format: format)
        try await problem.expectBits(on: device)
      }
      var problem = BatchProblem(count: 3, m: m, n: 64, k: 160, format: format)
      problem.layout = .sideBySide
      try await problem.expectBits(on: device)
      problem.leaves = 3..<6
      (problem.alpha, problem.beta) = (-0.5, 1.5)
      try await problem.expectBits(on: device)
    }
  }

  @Test("may share A or the weight", arguments: kinds, [WeightFormat.f32, .q5_1])
  func shared(kind: Kind, format: WeightFormat) async throws {
    let device = try kind.device()
    for m in [3, 20] {
      var problem = BatchProblem(count: 4, m: m, n: 37, k: 96, format: format)
      problem.sharesA = true
      try await problem.expectBits(on: device)
      problem.sharesWeight = true
      try await problem.expectBits(on: device)
      problem.sharesA = false
      problem.layout = .sideBySide
      try await problem.expectBits(on: device)
    }
  }

  @Test("have epilogues of their own, or one for all", arguments: kinds, [3, 20])
  func epilogues(kind: Kind, m: Int) async throws {
    let device = try kind.device()
    for sharesSteps in [false, true] {
      var problem = BatchProblem(count: 3, m: m, n: 38, k: 50, format: .f32)
      problem.hasEpilogue = true
      problem.sharesSteps = sharesSteps
      try await problem.expectBits(on: device)
    }
  }

  @Test("lie in several pieces of memory where they must", .enabled(if: TestDevices.cpuDevice != nil))
  func pieces() async throws {
    // One matrix of 64 × 96 f32 has 24 KiB, one of 200 × 96 has 84.
    let device = try #require(try TestDevices.openCL(.cpu, maximumAllocationByteCount: 1 << 16))
    for n in [64, 60, 200] {
      for m in [3, 9] {
        var problem = BatchProblem(count: 5, m: m, n: n, k: 96, format: .f32)
        problem.hasEpilogue = true
        try await problem.expectBits(on: device)
        problem.sharesWeight = true
        try await problem.expectBits(on: device)
      }
    }
  }

  @Test("of matrices used once may be transposed, and more than one launch takes", arguments: [1, 9])
  func general(m: Int) async throws {
    let device = try Kind.cpu.device()
    let count = 65_540
    let a = (0..<count * m).map { Float($0 % 1013) }
    let b = (0..<count * 2).map { Float($0 % 509) - 100 }
    let memory = try device.allocate(byteCount: 4 * count * m * 2)
    try device.multiply(
      batch: MatrixBatch(device.upload(a), count: count, rows: m, columns: 1),
      MatrixBatch(device.upload(b), count: count, rows: 2, columns: 1).transposed,
      into: MatrixBatch(memory, count: count, rows: m, columns: 2))
    let expected = (0..<count * m * 2).map { (index: Int) -> Float in
      let row = index / 2
      return a[row] * b[row / m * 2 + index % 2]
    }
    #expect(try await device.download(memory) == expected)
  }

  @Test("are never less exact than one product", .enabled(if: TestDevices.cpuDevice != nil)) func reduced() throws {
    let device = try #require(try Kind.emulated.device() as? OpenCLDevice)
    let weight = try Weight(on: device, matrices: 2, rows: 64, order: SumOrder(length: 64), format: .f16)
    let memory = try device.allocate(byteCount: 4 * 2 * 64 * 64)
    let matrices = try MatrixBatch(memory, count: 2, rows: 64, columns: 64)
    let result = try MatrixBatch(device.allocate(byteCount: 4 * 2 * 64 * 64), count: 2, rows: 64, columns: 64)
    let product = try Product(batch: matrices, weight, into: result, arithmetic: .reduced)
    #expect(try device.explain(product).kernel == "gemm/tiled")
  }

  @Test("refuse what does not belong together, with the numbers") func mismatches() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 4 * 100)
    func batch(_ count: Int, _ rows: Int, _ columns: Int, stride: Int, ld: Int? = nil) throws -> MatrixBatch {
      try MatrixBatch(
        MatrixView(memory, rows: rows, columns: columns, leadingDimension: ld), count: count, stride: stride)
    }
    for (count, stride) in [(-1, 1), (2, -1), (26, 4), (.max, .max), (.max, 1), (2, .max)] {
      #expect(throws: ComputeError.self) { try batch(count, 1, 4, stride: stride) }
    }
    let three = try batch(3, 2, 4, stride: 8)
    for index in [-1, 3, .max, .min] { #expect(throws: ComputeError.self) { try three.matrix(index) } }
    #expect(throws: ComputeError.self) { try three.matrices(2..<4) }
    let weight = try Weight(on: device, matrices: 3, rows: 5, order: SumOrder(length: 4), format: .f32)
    let error = #expect(throws: ComputeError.self) {
      try Product(batch: three, weight, into: batch(2, 2, 5, stride: 10))
    }
    #expect(error?.description.contains("3 matrices A, 3 weights and 2 matrices C") == true)
    #expect(throws: ComputeError.self) { try Product(batch: three, weight, into: batch(3, 2, 5, stride: 9)) }
    #expect(throws: ComputeError.self) { try Product(batch: three, weight, into: batch(3, 2, 5, stride: 5, ld: 14)) }
    _ = try Product(batch: three, weight, into: batch(3, 2, 5, stride: 5, ld: 15))
    #expect(throws: ComputeError.self) {
      try Product(
        batch: three, weight, into: batch(3, 2, 5, stride: 10),
        epilogue: Epilogue(residual: MatrixView(memory, rows: 2, columns: 5), residualStride: 46))
    }
    #expect(throws: ComputeError.self) {
      try Weight(on: device, matrices: -1, rows: 5, order: SumOrder(length: 4), format: .f32)
    }
    #expect(throws: ComputeError.self) {
      try device.makeWeight(HostMemory(byteCount: 64), matrices: 2, rows: 5, order: SumOrder(length: 4), format: .f32)
    }
  }

  @Test("of unlike products run one after the other", arguments: kinds)
  func unlike(kind: Kind) async throws {
    let device = try kind.device()
    let shapes = [(1, 5, 7), (20, 33, 50), (0, 3, 3), (9, 40, 64)]
    let problems = shapes.map { ProductProblem(m: $0, n: $1, k: $2) }
    var products: [Product] = []
    for problem in problems {
      let (a, w, _) = problem.operands(seed: 8, exact: false)
      let weight = try device.makeWeight(
        HostMemory(w), rows: problem.n, order: problem.order, format: .f32)
      products.append(
        try Product(
          MatrixView(device.upload(a), rows: problem.m, columns: problem.k), weight,
          into: MatrixView(
            device.allocate(byteCount: 4 * problem.m * problem.n), rows: problem.m, columns: problem.n)))
    }
    try device.multiply(products)
    for (problem, product) in zip(problems, products) {
      let (a, w, c) = problem.operands(seed: 8, exact: false)
      #expect(try await device.download(product.c.memory) == problem.reference(a, w, c), "\(problem)")
    }
  }
}
