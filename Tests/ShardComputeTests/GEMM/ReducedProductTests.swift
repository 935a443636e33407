import TestSupport
import Testing

// SPDX-License-Identifier: Apache-2.0
@testable import ShardCompute

/// Kernels that leave the order of addition, on a device that emulates the instructions it lacks.
@Suite("products that may leave the order", .serialized) struct ReducedProductTests {
  /// A kernel with a format that it takes.
  struct Case: CustomStringConvertible, Sendable {
    let kernel: any ProbedKernel.Type
    let format: WeightFormat
    var description: String { "\(kernel.name) \(format.rawValue)" }

    static let all = GEMM.kernels.compactMap { $0 as? any ProbedKernel.Type }.filter { !$0.keepsOrder }.flatMap {
      kernel in
      kernel.formats.map { Case(kernel: kernel, format: $0) }
    }
    /// Those that round no small whole number.
    static let exact = all.filter { !$0.format.isQuantised }
  }

  /// Reasons: one row and column beside a tile, a panel and a fragment; an odd k; fewer terms than leaves.
  static let shapes = [(9, 1, 1), (9, 33, 7), (15, 33, 129), (33, 65, 64), (65, 129, 95), (129, 31, 257)]

  // One for all tests, so that each kernel is built and tried once.
  private static let emulating = Result { try TestDevices.openCL(.gpu, emulatesInstructions: true) }

  private func device() throws -> OpenCLDevice { try #require(try Self.emulating.get()) }

  @Test("stay within the bound of their kernel", arguments: Case.all)
  func bound(test: Case) async throws {
    let device = try device()
    for (m, n, k) in Self.shapes {
      var problem = ReducedProblem(m: m, n: n, k: k, format: test.format)
      try await expectWithinBound(problem, test.kernel, on: device)
      problem.leaves = 3..<6
      problem.alpha = -0.7
      problem.beta = 1.3
      problem.gap = 3
      problem.transposedA = true
      try await expectWithinBound(problem, test.kernel, on: device)
    }
  }

  @Test("are exact where every sum is, so that one wrong element shows", arguments: Case.exact)
  func exact(test: Case) async throws {
    let device = try device()
    for (m, n, k) in Self.shapes {
      var problem = ReducedProblem(m: m, n: n, k: k, format: test.format)
      problem.numbers = .whole
      let outcome = try await problem.run(test.kernel, on: device)
      #expect(outcome.found.map(Double.init) == outcome.expected, "\(test) \(problem)")
      #expect(outcome.guardsIntact, "\(test) \(problem)")
    }
  }

  @Test("take activations beyond the range of f16", arguments: Case.all, [1e30, 1e-30] as [Float])
  func range(test: Case, scale: Float) async throws {
    var problem = ReducedProblem(m: 17, n: 35, k: 70, format: test.format)
    problem.scale = scale
    try await expectWithinBound(problem, test.kernel, on: try device())
  }

  @Test("propagate NaN, and infinity as infinity or NaN", arguments: Case.all)
  func specialValues(test: Case) async throws {
    var problem = ReducedProblem(m: 17, n: 35, k: 70, format: test.format)
    problem.special = true
    let outcome = try await problem.run(test.kernel, on: try device())
    for (index, value) in outcome.found.enumerated() {
      // Row 2 has a NaN, row 3 an infinity.
      switch index / 35 {
      case 2: #expect(value.isNaN)
      case 3: #expect(!value.isFinite)
      default: #expect(value.isFinite)
      }
    }
  }

  @Test("run those kernels only where that was asked for, and after a probe")
  func selection() async throws {
    let device = try #require(try TestDevices.openCL(.gpu, emulatesInstructions: true))
    let problem = ReducedProblem(m: 20, n: 40, k: 64, format: .f16)
    let ordered = try problem.product(on: device, arithmetic: .ordered).product
    let reduced = try problem.product(on: device, arithmetic: .reduced).product
    #expect(try GEMM.kernel(for: ordered, on: device).name == "gemm/tiled")
    #expect(try GEMM.refusal(of: GEMM.MMA.self, ordered, on: device) == "leaves the order of addition")
    #expect(throws: MissingKernel.self) {
      try KernelLibrary.$mayBuild.withValue(false) { try device.multiply(reduced) }
    }
    try await device.enqueue { try device.multiply(reduced) }
    #expect(try GEMM.kernel(for: reduced, on: device).name == "gemm/mma")
    // Known from now on.
    try KernelLibrary.$mayBuild.withValue(false) { try device.multiply(reduced) }
    try await device.finish()
  }

  @Test("have the bits of the order on devices without such hardware")
  func permission() async throws {
    let problem = ReducedProblem(m: 20, n: 40, k: 64, format: .f16)
    for device in [HostDevice(), try #require(try TestDevices.openCL(.cpu))] as [any ComputeDevice] {
      var bits: [[UInt32]] = []
      for arithmetic in Arithmetic.allCases {
        let (product, memory) = try problem.product(on: device, arithmetic: arithmetic)
        try device.multiply(product)
        bits.append(try await device.download(memory))
      }
      #expect(bits[0] == bits[1])
    }
  }

  @Test("refuse, with the error, a kernel whose results are wrong or that does not build")
  func wrongKernels() throws {
    let device = try device()
    let problem = ReducedProblem(m: 20, n: 40, k: 64, format: .f16)
    let product = try problem.product(on: device, arithmetic: .reduced).product
    let wrong = try #require(try GEMM.refusal(of: WrongKernel.self, product, on: device))
    #expect(wrong.contains("wrong on") && wrong.contains("element (0, 0)"), "\(wrong)")
    let broken = try #require(try GEMM.refusal(of: BrokenKernel.self, product, on: device))
    #expect(broken.contains("the probe on") && broken.contains("no such kernel"), "\(broken)")
    #expect(
      try KernelLibrary.$mayBuild.withValue(false) { try GEMM.refusal(of: BrokenKernel.self, product, on: device) }
        == broken)
  }

  private func expectWithinBound(
    _ problem: ReducedProblem, _ kernel: any ProbedKernel.Type, on device: OpenCLDevice
  ) async throws {
    let outcome = try await problem.run(kernel, on: device)
    #expect(outcome.largestErrorOverBound <= 1, "\(kernel.name) \(problem)")
    #expect(outcome.guardsIntact, "guard words of \(kernel.name) \(problem)")
  }
}

/// Forgets a row of tiles: what a probe is for.
private enum WrongKernel: ProbedKernel {
  static let name = "test/wrong"
  static let keepsOrder = false
  static let formats: [WeightFormat] = [.f16]
  static let probeShape = (m: 20, n: 20, k: 20)
  static func refusal(_ product: Product, on device: OpenCLDevice) -> String? { nil }
  static func formula(_ product: Product, on device: OpenCLDevice) -> NoParameters { NoParameters() }
  static func launch(_ product: Product, _ parameters: NoParameters, on device: OpenCLDevice) throws {
    try device.fill(product.c.memory, at: 0, byteCount: product.c.memory.byteCount, with: 0x4e80_0000)
  }
}

/// Does not build.
private enum BrokenKernel: ProbedKernel {
  static let name = "test/broken"
  static let keepsOrder = false
  static let formats: [WeightFormat] = [.f16]
  static let probeShape = (m: 20, n: 20, k: 20)
  static func refusal(_ product: Product, on device: OpenCLDevice) -> String? { nil }
  static func formula(_ product: Product, on device: OpenCLDevice) -> NoParameters { NoParameters() }
  static func launch(_ product: Product, _ parameters: NoParameters, on device: OpenCLDevice) throws {
    throw ComputeError.unsupported("no such kernel")
  }
}
