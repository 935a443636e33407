// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("products") struct ProductTests {
  @Test("have the bits of the definition on host", arguments: ElementType.allCases)
  func hostBits(elementType: ElementType) async throws { try await bits(elementType, on: HostDevice()) }

  @Test("have the bits of the definition on OpenCL", arguments: ElementType.allCases)
  func openCLBits(elementType: ElementType) async throws {
    try await bits(elementType, on: try #require(try TestDevices.openCL()))
  }

  private func bits(_ elementType: ElementType, on device: any ComputeDevice) async throws {
    for (m, n, k) in ProductProblem.edgeShapes {
      let problem = ProductProblem(m: m, n: n, k: k, elementType: elementType)
      let (a, w, c) = problem.operands(seed: 1, exact: false)
      let (result, intact) = try await problem.run(on: device, a, w, c)
      #expect(result.map(\.bitPattern) == problem.reference(a, w, c).map(\.bitPattern), "\(problem)")
      #expect(intact, "\(problem)")
    }
  }
}
