// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import ShardCompute

@Suite("parameters of products on CPUs") struct ParametersTests {
  // Several row and column panels of every tile, k that no chunk divides, and only some of the leaves.
  private static let problem = ProductProblem(m: 45, n: 131, k: 203, leaves: 1..<7, alpha: -0.7, beta: 1.3, gap: 3)

  /// Each tunable's extremes, beside a set that is cut everywhere.
  private static let changes: [@Sendable (inout GEMM.Packed.Parameters) -> Void] = [
    { _ in },
    { $0.rows = 2 },
    { $0.rows = 10 },
    { $0.blockM = 1 },
    { $0.blockM = 1 << 24 },
    { $0.blockN = 3 },
    { $0.blockN = 1 << 24 },
    { $0.chunkK = 1 },
    { $0.chunkK = 29 },
    { $0.chunkK = 1 << 30 },
    { ($0.prefetchA, $0.prefetchB, $0.prefetchNext) = (0, 0, !$0.prefetchNext) },
    { ($0.rows, $0.blockM, $0.blockN, $0.chunkK, $0.prefetchNext) = (6, 2, 3, 17, true) },
  ]

  @Test("do not change the bits of gemm/packed", arguments: [4, 8, 16])
  func packed(vectorWidth: Int) async throws {
    let device = try #require(try TestDevices.openCL(.cpu, vectorWidth: vectorWidth))
    let (a, w, c) = Self.problem.operands(seed: 1, exact: false)
    let expected = Self.problem.reference(a, w, c)
    for change in Self.changes {
      var used: GEMM.Packed.Parameters?
      let (result, intact) = try await Self.problem.run(on: device, a, w, c) { product in
        var parameters = GEMM.Packed.Parameters(product, device.tiles, device.capabilities)
        change(&parameters)
        used = parameters
        try GEMM.Packed.launch(product, parameters, on: device)
      }
      #expect(result.map(\.bitPattern) == expected.map(\.bitPattern), "\(String(describing: used))")
      #expect(intact, "guard words, \(String(describing: used))")
    }
  }

  @Test("do not change the bits of gemv/panels", arguments: [4, 8, 16])
  func panels(vectorWidth: Int) async throws {
    let device = try #require(try TestDevices.openCL(.cpu, vectorWidth: vectorWidth))
    var problem = Self.problem
    problem.m = 3
    let (a, w, c) = problem.operands(seed: 1, exact: false)
    let expected = problem.reference(a, w, c)
    for (rows, panels, prefetch) in [(3, 1, 0), (4, 3, 7), (8, 1 << 24, 1 << 20)] {
      let (result, intact) = try await problem.run(on: device, a, w, c) { product in
        var parameters = GEMV.Panels.Parameters(product, device.tiles, device.capabilities)
        (parameters.rows, parameters.panels, parameters.prefetchB) = (rows, panels, prefetch)
        try GEMV.Panels.launch(product, parameters, on: device)
      }
      #expect(result.map(\.bitPattern) == expected.map(\.bitPattern), "\(rows) rows, \(panels) panels")
      #expect(intact, "guard words, \(rows) rows, \(panels) panels")
    }
  }

  @Test("are refused where no kernel can run with them")
  func refusals() async throws {
    let device = try #require(try TestDevices.openCL(.cpu))
    let (a, w, c) = Self.problem.operands(seed: 1, exact: false)
    let impossible: [@Sendable (inout GEMM.Packed.Parameters) -> Void] = [
      { $0.rows = 0 }, { $0.rows = 7 }, { $0.rows = 34 }, { $0.blockM = 0 }, { $0.blockN = .max }, { $0.chunkK = 0 },
      { $0.prefetchA = -1 }, { $0.prefetchB = .max },
      // State of more tiles than any local memory holds.
      { ($0.chunkK, $0.blockM, $0.blockN) = (1, 1 << 24, 1 << 24) },
    ]
    for change in impossible {
      await #expect(throws: ComputeError.self) {
        _ = try await Self.problem.run(on: device, a, w, c) { product in
          var parameters = GEMM.Packed.Parameters(product, device.tiles, device.capabilities)
          change(&parameters)
          try GEMM.Packed.launch(product, parameters, on: device)
        }
      }
    }
  }
}
