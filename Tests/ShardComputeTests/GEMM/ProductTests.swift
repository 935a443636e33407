// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("products") struct ProductTests {
  /// The host, an OpenCL device with its own kernels, and the same with the kernels of the other kind.
  enum Kind: String, CaseIterable, Sendable {
    case host, cpu, gpu
    /// The tiles of CPUs with vectors of 4 and 8 floats: SSE and NEON, AVX2.
    case cpu4, cpu8
    /// GPUs with the extensions that this machine lacks.
    case emulated

    func device() throws -> any ComputeDevice {
      switch self {
      case .host: HostDevice()
      case .cpu: try #require(try TestDevices.openCL(.cpu))
      case .gpu: try #require(try TestDevices.openCL(.gpu))
      case .cpu4: try #require(try TestDevices.openCL(.cpu, vectorWidth: 4))
      case .emulated: try #require(try TestDevices.openCL(.gpu, emulatesInstructions: true))
      case .cpu8: try #require(try TestDevices.openCL(.cpu, vectorWidth: 8))
      }
    }
  }

  @Test("have the bits of the definition", arguments: Kind.allCases, ElementType.allCases)
  func edgeShapes(kind: Kind, elementType: ElementType) async throws {
    let device = try kind.device()
    for (m, n, k) in ProductProblem.edgeShapes {
      try await expectBits(ProductProblem(m: m, n: n, k: k, elementType: elementType), on: device)
    }
  }

  @Test(
    "have them for every number of rows, so that a row's bits do not depend on the others", arguments: Kind.allCases)
  func rows(kind: Kind) async throws {
    let device = try kind.device()
    for m in 1...17 { try await expectBits(ProductProblem(m: m, n: 37, k: 203), on: device) }
  }

  @Test("make a node for each complete subtree of the leaves they own", arguments: Kind.allCases)
  func leafRanges(kind: Kind) async throws {
    let device = try kind.device()
    for begin in 0...8 {
      for end in begin...8 {
        for (m, k) in [(3, 100), (17, 100), (2, 5), (15, 3)] {
          try await expectBits(ProductProblem(m: m, n: 35, k: k, leaves: begin..<end), on: device)
        }
      }
    }
  }

  @Test("respect units, gaps, transposes, alpha and beta", arguments: Kind.allCases)
  func variations(kind: Kind) async throws {
    let device = try kind.device()
    for m in [1, 8, 9, 40] {
      for (unit, gap) in [(1, 5), (32, 0), (64, 3), (1000, 1)] {
        var problem = ProductProblem(m: m, n: 45, k: 333, unit: unit, alpha: -0.7, beta: 1.3, gap: gap)
        try await expectBits(problem, on: device)
        problem.transposedA = true
        problem.leaves = 3..<6
        try await expectBits(problem, on: device)
      }
    }
  }

  @Test("do not read C where beta is zero", arguments: Kind.allCases)
  func betaZero(kind: Kind) async throws {
    let device = try kind.device()
    for m in [2, 20] {
      let problem = ProductProblem(m: m, n: 33, k: 50)
      let (a, w, c) = problem.operands(seed: 3, exact: true)
      let (result, _) = try await problem.run(on: device, a, w, c.map { _ in .nan })
      #expect(result == problem.reference(a, w, c))
    }
  }

  @Test("propagate NaN and infinity as IEEE says", arguments: Kind.allCases)
  func specialValues(kind: Kind) async throws {
    let device = try kind.device()
    let problem = ProductProblem(m: 16, n: 40, k: 70)
    let (x, y, c) = problem.operands(seed: 4, exact: true)
    var (a, w) = (x, y)
    a[3] = .nan
    a[70] = .infinity
    w[71] = -.infinity
    w[140] = .greatestFiniteMagnitude
    let (result, _) = try await problem.run(on: device, a, w, c)
    let expected = problem.reference(a, w, c)
    for (x, y) in zip(result, expected) { #expect(x == y || (x.isNaN && y.isNaN)) }
  }

  @Test("keep the sign of sums that are too small, past the end of every leaf", arguments: Kind.allCases)
  func negativeZeros(kind: Kind) async throws {
    let device = try kind.device()
    for (m, k) in [(2, 50), (20, 50), (20, 203)] {
      let problem = ProductProblem(m: m, n: 40, k: k)
      let (a, w) = ([Float](repeating: 1e-30, count: m * k), [Float](repeating: -1e-30, count: 40 * k))
      let (result, _) = try await problem.run(on: device, a, w, [Float](repeating: 1, count: m * 40))
      #expect(result.allSatisfy { $0.bitPattern == (-0.0 as Float).bitPattern }, "\(problem)")
    }
  }

  @Test("of matrices used once need no packing by the caller", arguments: Kind.allCases)
  func general(kind: Kind) async throws {
    let device = try kind.device()
    let problem = ProductProblem(m: 19, n: 23, k: 67)
    let (a, w, c) = problem.operands(seed: 5, exact: false)
    let memoryC = try device.upload(c)
    let b = try MatrixView(try device.upload(w), rows: 23, columns: 67)
    try device.multiply(
      MatrixView(try device.upload(a), rows: 19, columns: 67), b.transposed,
      into: MatrixView(memoryC, rows: 19, columns: 23))
    #expect(try await device.download(memoryC) == problem.reference(a, w, c))
  }

  @Test("have the same bits however small the bands are in which a weight is packed", arguments: Kind.allCases)
  func bands(kind: Kind) async throws {
    let device = try kind.device()
    let problem = ProductProblem(m: 9, n: 101, k: 50)
    let (a, w, c) = problem.operands(seed: 6, exact: false)
    for bandByteCount in [0, 1 << 14, 1 << 20] {
      let weight = try device.makeWeight(
        HostMemory(w), rows: 101, order: SumOrder(length: 50), format: .f32, bandByteCount: bandByteCount)
      let memory = try device.upload(c)
      try device.multiply(
        Product(
          MatrixView(device.upload(a), rows: 9, columns: 50), weight,
          into: MatrixView(memory, rows: 9, columns: 101)))
      #expect(try await device.download(memory) == problem.reference(a, w, c), "bands of \(bandByteCount) bytes")
    }
  }

  @Test("need a weight in the panels of their device") func panels() throws {
    let devices = try [Kind.cpu, .gpu].map { try $0.device() }
    let width = HostDevice().weightPanelWidth
    guard let other = devices.first(where: { $0.weightPanelWidth != width }) else { return }
    let weight = try Weight(on: other, rows: 4, order: SumOrder(length: 6), format: .f32)
    let memory = try HostDevice().allocate(byteCount: 480)
    let product = try Product(
      MatrixView(memory, rows: 20, columns: 6), weight, into: MatrixView(memory, rows: 20, columns: 4))
    #expect(throws: ComputeError.self) { try HostDevice().multiply(product) }
  }

  @Test("uploading a weight needs room for it and one band") func uploadRoom() async throws {
    let source = HostMemory(byteCount: 4 << 20)
    let device = HostDevice(memoryByteCount: 5 << 20)
    let order = SumOrder(length: 1024)
    _ = try device.makeWeight(source, rows: 1024, order: order, format: .f32, bandByteCount: 1 << 20)
    try await device.finish()
    #expect(throws: ComputeError.self) { try device.makeWeight(source, rows: 1024, order: order, format: .f32) }
  }

  @Test("refuse operands that do not belong together, with the shapes") func mismatches() throws {
    let device = HostDevice()
    let weight = try Weight(on: device, rows: 4, order: SumOrder(length: 6), format: .f32)
    let memory = try device.allocate(byteCount: 400)
    let error = #expect(throws: ComputeError.self) {
      try Product(MatrixView(memory, rows: 2, columns: 5), weight, into: MatrixView(memory, rows: 2, columns: 4))
    }
    #expect(error?.description.contains("A is 2 × 5, W 4 × 6 and C 2 × 4") == true)
    #expect(throws: ComputeError.self) { try MatrixView(memory, rows: 10, columns: 11) }
    #expect(throws: ComputeError.self) { try MatrixView(memory, rows: .max, columns: 2) }
    #expect(throws: ComputeError.self) { try MatrixView(memory, rows: -1, columns: 2) }
  }

  @Test("refuse sizes that no memory has") func unthinkableSizes() throws {
    let device = HostDevice()
    #expect(throws: ComputeError.self) { try device.allocate(byteCount: -1) }
    for (rows, columns) in [(Int.max, 3), (3, Int.max), (-1, 3), (-1, 0), (Int.max, Int.max)] {
      let order = SumOrder(length: columns)
      #expect(throws: ComputeError.self) { try Weight(on: device, rows: rows, order: order, format: .f32) }
      #expect(throws: ComputeError.self) {
        try device.makeWeight(HostMemory(byteCount: 0), rows: rows, order: order, format: .f16)
      }
    }
    let part = try Weight(on: device, rows: 2, order: SumOrder(length: 8), leaves: 0..<3, format: .f32)
    let memory = try device.allocate(byteCount: 64)
    let (a, c) = try (MatrixView(memory, rows: 2, columns: 3), MatrixView(memory, rows: 2, columns: 2))
    for nodeStride in [Int.max, Int.min, 13, -1] {
      #expect(throws: ComputeError.self) { try Product(a, part, into: c, nodeStride: nodeStride) }
    }
    _ = try Product(a, part, into: c, nodeStride: 12)
  }

  private func expectBits(_ problem: ProductProblem, on device: any ComputeDevice) async throws {
    let (a, w, c) = problem.operands(seed: 1, exact: false)
    let (result, intact) = try await problem.run(on: device, a, w, c)
    #expect(result.map(\.bitPattern) == problem.reference(a, w, c).map(\.bitPattern), "\(problem)")
    #expect(intact, "guard words of \(problem)")
  }
}
