// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import ShardCompute

/// Products whose leaves are shared among work-groups, which few tests would reach by the formula.
@Suite("gemm/join", .serialized, .enabled(if: TestDevices.cpuDevice != nil)) struct JoinTests {
  private static let splits = [1, 2, 4]

  @Test("gives the bits of the definition at every edge") func edgeShapes() async throws {
    let device = try device()
    for (m, n, k) in ProductProblem.edgeShapes where m > 0 && n > 0 {
      for leavesEach in Self.splits { try await expectBits(ProductProblem(m: m, n: n, k: k), leavesEach, on: device) }
    }
  }

  @Test("makes a node for each complete subtree of the leaves that are here, α, β and gaps included")
  func leafRanges() async throws {
    let device = try device()
    for begin in 0..<8 {
      for end in begin + 1...8 {
        for (unit, alpha, beta, gap) in [(1, Float(1), Float(0), 0), (3, -0.7, 1.3, 5)] {
          var problem = ProductProblem(m: 19, n: 70, k: 100, unit: unit, leaves: begin..<end)
          (problem.alpha, problem.beta, problem.gap) = (alpha, beta, gap)
          problem.transposedA = gap > 0
          for leavesEach in Self.splits where begin % leavesEach == 0 && end % leavesEach == 0 {
            try await expectBits(problem, leavesEach, on: device)
          }
        }
      }
    }
  }

  @Test("does not read C where β is zero, and propagates NaN and infinity") func specialValues() async throws {
    let device = try device()
    let problem = ProductProblem(m: 10, n: 33, k: 80)
    let (x, w, c) = problem.operands(seed: 4, exact: true)
    var a = x
    a[3] = .nan
    a[80] = .infinity
    let (result, _) = try await run(problem, a, w, c.map { _ in .nan }, 2, on: device)
    let expected = problem.reference(a, w, c)
    for (x, y) in zip(result, expected) { #expect(x == y || (x.isNaN && y.isNaN)) }
  }

  @Test("does the epilogue once, with the whole sum") func epilogues() async throws {
    let device = try device()
    for (n, isGated) in [(67, false), (70, true)] {
      var problem = ProductProblem(m: 17, n: n, k: 100, alpha: 3, gap: 2, activation: .gelu)
      problem.hasBias = true
      problem.hasResidual = true
      problem.isGated = isGated
      if !isGated { problem.beta = -1.5 }
      for leavesEach in Self.splits { try await expectBits(problem, leavesEach, on: device) }
    }
  }

  /// With offsets and without; units of two blocks, and more leaves than units.
  @Test("joins products with quantised weights", arguments: [WeightFormat.q8_0, .q4_K])
  func quantised(format: WeightFormat) async throws {
    let device = try device()
    for (blocks, leaves) in [(19, 0..<8), (5, 0..<8), (19, 2..<8), (19, 4..<8)] {
      let problem = QuantisedProblem(format, m: 11, n: 67, blocks: blocks, unit: 2, leaves: leaves)
      let operands = try problem.operands(seed: 3)
      let expected = problem.shape.reference(operands.c, leaf: problem.leafSums(operands).callAsFunction)
      for leavesEach in Self.splits where leaves.lowerBound % leavesEach == 0 && leaves.upperBound % leavesEach == 0 {
        let (result, intact) = try await problem.shape.run(
          on: device, operands.a, operands.weight, format, operands.c
        ) { product in
          var parameters = GEMM.BlockTiles.formula(product, on: device)
          parameters.leavesEach = leavesEach
          #expect(GEMM.BlockTiles.refusal(of: parameters, product, on: device) == nil)
          try GEMM.BlockTiles.launch(product, parameters, on: device)
        }
        #expect(result.map(\.bitPattern) == expected.map(\.bitPattern), "\(problem) in splits of \(leavesEach)")
        #expect(intact, "guard words of \(problem)")
      }
    }
  }

  @Test("joins batches, of one A, one weight or one each", arguments: [false, true])
  func batches(sharesA: Bool) async throws {
    let device = try device()
    for hasEpilogue in [false, true] {
      var problem = BatchProblem(count: 3, m: 9, n: 37, k: 96, format: .f32)
      problem.sharesA = sharesA
      problem.sharesWeight = !sharesA
      problem.layout = .sideBySide
      problem.hasEpilogue = hasEpilogue
      for leavesEach in Self.splits {
        try await problem.expectBits(on: device) { try launch($0, leavesEach, on: device) }
      }
    }
    var problem = BatchProblem(count: 3, m: 9, n: 37, k: 96, format: .f32)
    problem.leaves = 2..<8
    (problem.alpha, problem.beta) = (2, -0.5)
    try await problem.expectBits(on: device) { try launch($0, 2, on: device) }
  }

  @Test("runs where few tiles leave compute units idle, with enough terms for each") func formula() throws {
    let device = try device()
    // For each product and number of compute units: the leaves of a split.
    for (m, n, k, leaves, units, leavesEach) in [
      (64, 64, 4096, 0..<8, 1, 4), (64, 64, 4096, 0..<8, 2, 2), (64, 64, 4096, 0..<8, 100, 1),
      (64, 64, 1024, 0..<8, 100, 2), (64, 64, 511, 0..<8, 100, 8), (64, 128, 4096, 0..<8, 1, 8),
      (64, 128, 4096, 0..<8, 2, 4), (65, 65, 4096, 0..<8, 2, 8), (64, 64, 8192, 2..<8, 100, 1),
      (64, 64, 2000, 2..<8, 100, 2), (64, 64, 4096, 4..<8, 100, 1), (64, 64, 4096, 3..<6, 100, 1),
    ] {
      let weight = try Weight(on: device, rows: n, order: SumOrder(length: k), leaves: leaves, format: .f32)
      let product = try Product(
        MatrixView(device.allocate(byteCount: 4 * m * weight.columns), rows: m, columns: weight.columns), weight,
        into: MatrixView(device.allocate(byteCount: 4 * weight.nodes.count * m * n), rows: m, columns: n))
      let tiles = (m + 63) / 64 * ((n + 63) / 64)
      #expect(
        GEMM.Join.leavesEach(product, tiles: tiles, units: units) == leavesEach,
        "\(m)x\(n)x\(k), leaves \(leaves), \(units) compute units")
    }
  }

  @Test("has splits that are complete subtrees and fit memory, else a reason") func refusals() throws {
    let device = try device()
    func product(_ m: Int, _ leaves: Range<Int>) throws -> Product {
      let weight = try Weight(on: device, rows: 4096, order: SumOrder(length: 8), leaves: leaves, format: .f32)
      return try Product(
        MatrixView(device.allocate(byteCount: 4 * m * weight.columns), rows: m, columns: weight.columns), weight,
        into: MatrixView(
          device.allocate(byteCount: 4 * weight.nodes.count * m * 4096), rows: m, columns: 4096))
    }
    let some = try product(9, 2..<7)
    #expect(GEMM.Join.refusal(of: 1, some) == nil)
    #expect(GEMM.Join.refusal(of: 8, some) == nil)
    #expect(GEMM.Join.refusal(of: 2, some)?.contains("do not cut 2..<7") == true)
    #expect(GEMM.Join.refusal(of: 3, some)?.contains("[1, 2, 4, 8] are possible") == true)
    let large = try product(4096, 0..<8)
    #expect(GEMM.Join.refusal(of: 2, large) == nil)
    #expect(GEMM.Join.refusal(of: 1, large)?.contains("more than 268435456 bytes") == true)
  }

  private func device() throws -> OpenCLDevice { try #require(try TestDevices.openCL(.gpu)) }

  /// `gemm/tiled` with the formula's other parameters, so that there is one program for all.
  private func launch(_ product: Product, _ leavesEach: Int, on device: OpenCLDevice) throws {
    var parameters = GEMM.Tiled.formula(product, on: device)
    parameters.leavesEach = leavesEach
    #expect(GEMM.Tiled.refusal(of: parameters, product, on: device) == nil)
    try GEMM.Tiled.launch(product, parameters, on: device)
  }

  private func run(
    _ problem: ProductProblem, _ a: [Float], _ w: [Float], _ c: [Float], _ leavesEach: Int, on device: OpenCLDevice
  ) async throws -> (result: [Float], guardsIntact: Bool) {
    try await problem.run(on: device, a, w, c) { try launch($0, leavesEach, on: device) }
  }

  private func expectBits(_ problem: ProductProblem, _ leavesEach: Int, on device: OpenCLDevice) async throws {
    let (a, w, c) = problem.operands(seed: 1, exact: false)
    let (result, intact) = try await run(problem, a, w, c, leavesEach, on: device)
    #expect(
      result.map(\.bitPattern) == problem.reference(a, w, c).map(\.bitPattern), "\(problem) in splits of \(leavesEach)")
    #expect(intact, "guard words of \(problem) in splits of \(leavesEach)")
  }
}
