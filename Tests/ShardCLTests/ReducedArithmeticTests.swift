// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@testable import ShardCL

/// `Arithmetic.reduced` on meshes: ranks of a device that emulates the instructions it lacks, and of those without.
@Suite("reduced arithmetic on a mesh", .serialized) struct ReducedArithmeticTests {
  // One for all tests, so that each kernel is built and tried once.
  private static let emulating = Result { try TestDevices.openCL(.gpu, emulatesInstructions: true) }

  private func emulating() throws -> OpenCLDevice { try #require(try Self.emulating.get()) }

  private func benchmark(_ devices: [any ComputeDevice], _ arithmetic: Arithmetic) throws -> MatmulBenchmark {
    MatmulBenchmark(
      on: try DeviceMesh(devices), budget: TimingBudget(seconds: 0, rounds: 1), arithmetic: arithmetic)
  }

  @Test(
    "is what a benchmark asks for, and is checked against what its kernels may round",
    .enabled(if: TestDevices.kinds.contains(.context)))
  func benchmark() async throws {
    // The quickest to build where instructions are emulated.
    let (device, kernel) = (try emulating(), "gemm/dots")
    for layout in [ProductLayout.column, .row] {
      let problem = try MatmulProblem(m: 20, n: 70, k: 320, format: .q8_0, layout: layout, seed: 2)
      let record = try await benchmark([device, device], .reduced).run(problem)
      #expect(record.arithmetic == .reduced && record.kernels == [kernel, kernel])
      #expect(record.verified == true && record.sameBits == false && !record.isMoreExactThanAsked)
      let error = try #require(record.maxErrorOverBound)
      #expect(error > 0 && error <= 1)

      let ordered = try await benchmark([device, device], .ordered).run(problem)
      #expect(ordered.verified == true && ordered.sameBits == true && !ordered.kernels.contains(kernel))

      // Nine ranks, eight leaves: one may have nothing to do, and one keeps the order.
      let mixed = try benchmark([device, HostDevice()] + Array(repeating: device, count: 7), .reduced)
      let some = try await mixed.run(problem)
      #expect(some.verified == true && some.isMoreExactThanAsked)
      #expect(Set(some.kernels) == Set([kernel, "host/gemm"] + (layout == .row ? ["none"] : [])))
      let noted = try mixed.explain(problem).filter { $0.notes.contains { $0.contains("reduced arithmetic") } }
      #expect(noted.map(\.rank) == [1])
    }
  }

  @Test("keeps every bit on devices without a kernel for it", arguments: TestDevices.kinds)
  func permission(kind: TestDevices.Kind) async throws {
    let problem = try MatmulProblem(m: 20, n: 70, k: 320, format: .f16, layout: .row, seed: 2)
    let record = try await benchmark(TestDevices.ranks(2, kind), .reduced).run(problem)
    #expect(record.verified == true && record.sameBits == true && record.isMoreExactThanAsked)
  }

  @Test("is what layers and products ask for", .enabled(if: TestDevices.kinds.contains(.context)))
  func layers() async throws {
    let device = try emulating()
    let mesh = try DeviceMesh([device, device])
    let (tokens, inputs, outputs) = (20, 64, 40)
    let weight = try HostMatrix(
      SeededNumbers(seed: 7).blocks(rows: outputs, columns: inputs, format: .q8_0), rows: outputs, columns: inputs,
      format: .q8_0)
    let values = SeededNumbers(seed: 8).floats(tokens * inputs)
    func column(_ arithmetic: Arithmetic) async throws -> [Float] {
      let x = try ShardedTensor(values, rows: tokens, columns: inputs, on: mesh, placement: .replicate)
      return try await ColumnParallelLinear(weight: weight, on: mesh, arithmetic: arithmetic)(x).download()
    }
    func row(_ arithmetic: Arithmetic) async throws -> [Float] {
      let linear = try RowParallelLinear(weight: weight, on: mesh, arithmetic: arithmetic)
      let x = try ShardedTensor(
        values, rows: tokens, columns: inputs, on: mesh, placement: .shard(1), partition: linear.weight.partition)
      return try await linear(x).download()
    }
    func product(_ arithmetic: Arithmetic) async throws -> [Float] {
      let x = try ShardedTensor(values, rows: tokens, columns: inputs, on: mesh, placement: .replicate)
      return try await matmul(
        x, ShardedWeight(weight, on: mesh, placement: .shard(0)), arithmetic: arithmetic
      ).download()
    }
    let ordered = bits(try await product(.ordered))
    #expect(bits(try await column(.ordered)) == ordered)
    #expect(bits(try await row(.ordered)) == ordered)
    let reduced = bits(try await product(.reduced))
    #expect(reduced != ordered)
    #expect(bits(try await column(.reduced)) == reduced)
    #expect(bits(try await row(.reduced)) != ordered)
  }

  @Test("makes no excuse for a result that is further off")
  func wrongResult() async throws {
    let (m, n, k) = (9, 40, 64)
    let x = try HostMatrix(SeededNumbers(seed: 3).floats(m * k), rows: m, columns: k)
    let weight = try HostMatrix(
      HostMemory(SeededNumbers(seed: 4).floats(n * k), as: .f16), rows: n, columns: k, format: .f16)
    let mesh = try DeviceMesh([HostDevice()])
    let right = try await matmul(
      ShardedTensor(x, on: mesh, placement: .replicate), ShardedWeight(weight, on: mesh, placement: .replicate)
    ).download()
    func check(_ wrong: Float) async throws -> ProductCheck {
      var result = right
      result[100] += wrong
      return try await ProductCheck(
        HostMemory(result), x: x, weight: weight, orderUnit: 1, seed: 1, rounding: ["gemm/mma"])
    }
    // Terms of at most 1, so that the bound is below 64 · 2⁻¹¹.
    #expect(try await check(0x1p-14).isRight)
    #expect(try await check(0x1p-14).sameBits == false)
    #expect(try await check(0x1p-5).isRight == false)
    #expect(try await check(.nan).isRight == false)
  }
}
