// SPDX-License-Identifier: Apache-2.0
import Synchronization
import TestSupport
import Testing

@testable import ShardCL
@testable import ShardCompute

@Suite("a broken device") struct BrokenDeviceTests {
  @Test("is caught by a benchmark: one wrong bit in a million elements")
  func benchmark() async throws {
    let problem = try MatmulProblem(m: 1000, n: 1000, k: 24, format: .f32, layout: .column, seed: 1)
    for (device, isRight) in [
      (BrokenDevice(breaks: { _ in false }), true), (BrokenDevice(breaks: { _ in true }), false),
    ] {
      let benchmark = MatmulBenchmark(on: try DeviceMesh([device]), budget: TimingBudget(seconds: 0, rounds: 1))
      let record = try await benchmark.run(problem)
      #expect(record.verified == isRight)
      #expect(record.sameBits == isRight)
    }
  }

  @Test("is caught by verify, which names the case that runs it again")
  func verify() async throws {
    // Only products of nine rows or more are wrong.
    let device = BrokenDevice { $0.m >= 9 }
    let verification = try Verification(of: [device], extent: .small, selecting: "kernel/product")
    var records: [VerificationRecord] = []
    try await verification.run { records.append($0) }
    let failed = records.filter { !$0.verified }
    #expect(!failed.isEmpty && failed.count < records.count)
    #expect(failed.allSatisfy { $0.name.contains("/9x17x") && !$0.sameBits && $0.differentElements > 0 })

    let again = try Verification(of: [device], extent: .small, selecting: failed[0].name)
    #expect(again.count == 1)
    try await again.run { #expect($0 == failed[0]) }
  }

  @Test("is caught where it leaves out a step of an epilogue")
  func epilogue() async throws {
    let forgets: [@Sendable (inout Epilogue) -> Void] = [
      { $0.bias = nil }, { $0.activation = .none }, { $0.residual = nil },
    ]
    for forget in forgets {
      let verification = try Verification(of: [ForgetfulDevice(forget)], selecting: "kernel/epilogue")
      var failed = 0
      try await verification.run { failed += $0.verified ? 0 : 1 }
      #expect(failed > 0 && failed < verification.count)
    }
  }

  @Test("is caught in every operation between products")
  func layers() async throws {
    let verification = try Verification(of: [BrokenLayersDevice()], extent: .small, selecting: "kernel/layer")
    #expect(verification.count > 10)
    try await verification.run { #expect(!$0.verified && !$0.sameBits && $0.error.isEmpty, "\($0.name)") }
  }

  @Test("is caught where it writes beside its result")
  func strayWrite() async throws {
    let device = BrokenDevice(breaks: { _ in true }, at: { $0.c.columns })
    let verification = try Verification(of: [device], extent: .small, selecting: "kernel/product")
    try await verification.run { #expect(!$0.verified && $0.strayBytes > 0, "\($0.name)") }
  }

  @Test("that throws is a failed case, not the end of the run")
  func throwing() async throws {
    let device = BrokenDevice(breaks: { _ in throw ComputeError.unsupported("no products today") })
    let verification = try Verification(of: [device], extent: .small, selecting: "kernel/product")
    var count = 0
    try await verification.run { record in
      count += 1
      #expect(!record.verified && record.error.contains("no products today"))
    }
    #expect(count == verification.count)
  }
}

/// The CPU fallback, except that it changes what follows the sums.
private final class ForgetfulDevice: ForwardingDevice {
  let base = HostDevice(workers: 1)
  let change: @Sendable (inout Epilogue) -> Void

  init(_ change: @escaping @Sendable (inout Epilogue) -> Void) { self.change = change }

  func multiply(_ product: Product) throws {
    var epilogue = product.epilogue
    change(&epilogue)
    try base.multiply(Product(product.a, product.weight, into: product.c, epilogue: epilogue))
  }
}

/// The CPU fallback, except that it flips the lowest bit of a word of each result of an operation between products.
private final class BrokenLayersDevice: ForwardingDevice {
  let base = HostDevice(workers: 1)

  private func flip(_ memory: DeviceMemory, word: Int) {
    guard case .host(let block) = memory.storage else { return }
    base.queue.async { block.withMutableBytes { $0[4 * word] ^= 1 } }
  }

  private func flip(_ result: MatrixView) { flip(result.memory, word: result.offset + result.columns - 1) }

  func normalise(_ norm: Norm) throws {
    try base.normalise(norm)
    flip(norm.result)
  }
  func rotate(_ rotation: Rotation) throws {
    try base.rotate(rotation)
    flip(rotation.result)
  }
  func softmax(_ softmax: Softmax) throws {
    try base.softmax(softmax)
    flip(softmax.result)
  }
  func apply(_ operation: Elementwise) throws {
    try base.apply(operation)
    flip(operation.result)
  }
  func lookUp(_ look: LookUp) throws {
    try base.lookUp(look)
    flip(look.result)
  }
  func findTop(_ top: TopK) throws {
    try base.findTop(top)
    flip(top.result.memory, word: 0)
  }
  func joinLeaves(_ join: LogSumExp) throws {
    try base.joinLeaves(join)
    flip(join.result)
  }
}

/// The CPU fallback, except that it flips the lowest bit of one element of some products.
private final class BrokenDevice: ForwardingDevice {
  let base = HostDevice(workers: 1)
  let breaks: @Sendable (Product) throws -> Bool
  /// Which element of C is wrong, counted from the first.
  let position: @Sendable (Product) -> Int

  init(
    breaks: @escaping @Sendable (Product) throws -> Bool,
    at position: @escaping @Sendable (Product) -> Int = { ($0.m - 1) * $0.c.rowStride + $0.n / 2 }
  ) {
    self.breaks = breaks
    self.position = position
  }

  var selector: String { "broken" }
  var name: String { "broken" }

  func multiply(_ product: Product) throws {
    let isBroken = try breaks(product)
    try base.multiply(product)
    guard isBroken, case .host(let memory) = product.c.memory.storage else { return }
    let byte = 4 * (product.c.offset + position(product))
    base.queue.async { memory.withMutableBytes { $0[byte] ^= 1 } }
  }
}
