// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import ShardCompute

@Suite("candidates", .enabled(if: TestDevices.kinds.contains(.context))) struct CandidateTests {
  /// Kernels for CPUs and those for GPUs.
  enum Kind: String, CaseIterable, Sendable {
    case cpu, gpu

    func device() throws -> OpenCLDevice {
      switch self {
      case .cpu: try #require(try TestDevices.openCL(.cpu))
      case .gpu: try #require(try TestDevices.openCL(.gpu))
      }
    }
  }

  /// One format of elements, one of blocks with offsets.
  static let formats: [WeightFormat] = [.f32, .q4_K]

  @Test("of every kernel have the bits of the CPU fallback", arguments: Kind.allCases, formats)
  func bits(kind: Kind, format: WeightFormat) async throws {
    let device = try kind.device()
    let seed = try #require(TestSeed.fixedAndFresh.last)
    var random = RandomNumbers(seed: seed.value)
    for rows in [1...8, 9...70] {
      let k = Int.random(in: 1...4, using: &random) * max(format.blockLength, 91)
      let problem = RandomProduct(
        m: .random(in: rows, using: &random), n: .random(in: 1...150, using: &random),
        k: k / format.blockLength * format.blockLength, format, seed: seed.value)
      let product = try problem.product(on: device)
      let expected = try await problem.expected()
      for kernel in GEMM.kernels where try GEMM.refusal(of: kernel, product, on: device) == nil {
        try await expectBits(kernel, product, expected, on: device, "\(problem) \(seed)", &random)
      }
    }
  }

  @Test("begin with the formula's, and none is refused", arguments: Kind.allCases, formats)
  func legal(kind: Kind, format: WeightFormat) throws {
    let device = try kind.device()
    for m in [1, 7, 64, 300] {
      let product = try RandomProduct(m: m, n: 200, k: 512, format, seed: 1).product(on: device)
      for kernel in GEMM.kernels where try GEMM.refusal(of: kernel, product, on: device) == nil {
        try expectLegal(kernel, product, on: device)
      }
    }
  }

  private func expectLegal<K: ProductKernel>(_ kernel: K.Type, _ product: Product, on device: OpenCLDevice) throws {
    let candidates = K.candidates(product, on: device)
    #expect(candidates.first == K.formula(product, on: device), "\(K.name)")
    #expect(Set(candidates).count == candidates.count, "\(K.name)")
    for candidate in candidates { #expect(K.refusal(of: candidate, product, on: device) == nil, "\(K.name)") }
    // What is kept in a file comes back as it was.
    for candidate in candidates.prefix(10) {
      #expect(try ParameterValues(candidate).parameters(as: K.Parameters.self) == candidate)
    }
  }

  /// Runs a value of every tunable beside the formula's others, and some sets that differ in all: nearly every set is a
  /// kernel to compile, and with all of them compilers would take minutes.
  private func expectBits<K: ProductKernel>(
    _ kernel: K.Type, _ product: Product, _ expected: [UInt32], on device: OpenCLDevice, _ problem: String,
    _ random: inout RandomNumbers
  ) async throws {
    let formula = K.formula(product, on: device)
    let tunables = K.tunables(product, on: device)
    var candidates = Set(tunables.compactMap { $0.variants(formula).randomElement(using: &random) })
    for _ in 0..<2 {
      candidates.insert(
        tunables.reduce(formula) { parameters, tunable in
          tunable.variants(parameters).randomElement(using: &random) ?? parameters
        })
    }
    for candidate in candidates.union([formula]) where K.refusal(of: candidate, product, on: device) == nil {
      try device.fill(product.c.memory, at: 0, byteCount: product.c.memory.byteCount, with: 0x7fc0_7fc0)
      try K.launch(product, candidate, on: device)
      let found: [UInt32] = try await device.download(product.c.memory)
      #expect(found == expected, "\(K.name) \(problem): \(candidate)")
    }
  }
}
