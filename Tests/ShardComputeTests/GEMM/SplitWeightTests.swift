// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

/// Weights larger than the device's largest allocation.
@Suite("weights in pieces", .enabled(if: TestDevices.cpuDevice != nil)) struct SplitWeightTests {
  private static let limit = 1 << 16

  private func devices() throws -> (small: OpenCLDevice, usual: OpenCLDevice) {
    (
      try #require(try TestDevices.openCL(maximumAllocationByteCount: Self.limit)),
      try #require(try TestDevices.openCL())
    )
  }

  @Test("give the bits of a weight in one piece", arguments: [1, 8, 14])
  func bits(m: Int) async throws {
    let (small, usual) = try devices()
    for problem in [
      ProductProblem(m: m, n: 403, k: 150), ProductProblem(m: m, n: 403, k: 150, leaves: 3..<6),
      ProductProblem(
        m: m, n: 404, k: 150, gap: 1, activation: .silu, hasBias: true, hasResidual: true, isGated: true),
      ProductProblem(m: m, n: 500, k: 130, elementType: .bf16, alpha: -0.5, beta: 2, gap: 3),
    ] {
      let (a, w, c) = problem.operands(seed: 21, exact: false)
      let bytes = (problem.n + 31) / 32 * 32 * problem.columns * problem.elementType.byteCount
      if problem.leaves == SumOrder.allLeaves { #expect(bytes > Self.limit) }
      let (split, intact) = try await problem.run(on: small, a, w, c)
      let (whole, _) = try await problem.run(on: usual, a, w, c)
      #expect(split.map(\.bitPattern) == whole.map(\.bitPattern), "\(problem)")
      #expect(intact, "guard words of \(problem)")
    }
  }

  @Test("hold quantised weights too") func blocks() async throws {
    let (small, usual) = try devices()
    let (m, n, k) = (3, 777, 512)
    let stored = try SeededNumbers(seed: 5).blocks(rows: n, columns: k, format: .q4_K)
    let x = SeededNumbers(seed: 6).floats(m * k)
    var results: [[Float]] = []
    for device in [small, usual] {
      let weight = try device.makeWeight(stored, rows: n, order: SumOrder(length: k, unit: 256), format: .q4_K)
      #expect(weight.byteCount > Self.limit)
      let c = try device.allocate(byteCount: 4 * m * n)
      try device.multiply(
        Product(
          MatrixView(device.upload(x), rows: m, columns: k), weight, into: MatrixView(c, rows: m, columns: n)))
      results.append(try await device.download(c))
    }
    #expect(results[0].map(\.bitPattern) == results[1].map(\.bitPattern))
    #expect(results[0].contains { $0 != 0 })
  }

  @Test("are refused where not even a panel fits an allocation, with the sizes") func panelTooLarge() throws {
    let (small, _) = try devices()
    let error = #expect(throws: ComputeError.self) {
      try Weight(on: small, rows: 4, order: SumOrder(length: 1 << 16), format: .f32)
    }
    #expect(error?.description.contains("\(Self.limit)") == true)
  }
}
