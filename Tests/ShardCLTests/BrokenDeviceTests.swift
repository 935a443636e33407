// SPDX-License-Identifier: Apache-2.0
import Synchronization
import TestSupport
import Testing

@testable import ShardCL
@testable import ShardCompute

@Suite("a broken device") struct BrokenDeviceTests {
  @Test("is caught by a benchmark: one wrong bit in a million elements")
  func benchmark() async throws {
    let problem = try MatmulProblem(m: 1000, n: 1000, k: 24, elementType: .f32, layout: .column, seed: 1)
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
    #expect(failed.allSatisfy { $0.name.contains("/9x17x33/") && !$0.sameBits && $0.differentElements > 0 })

    let again = try Verification(of: [device], extent: .small, selecting: failed[0].name)
    #expect(again.count == 1)
    try await again.run { #expect($0 == failed[0]) }
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

/// The CPU fallback, except that it flips the lowest bit of one element of some products.
private final class BrokenDevice: ComputeDevice {
  let inner = HostDevice(workers: 1)
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
  var capabilities: Capabilities { inner.capabilities }
  var weightPanelWidth: Int { inner.weightPanelWidth }

  func multiply(_ product: Product) throws {
    let isBroken = try breaks(product)
    try inner.multiply(product)
    guard isBroken, case .host(let memory) = product.c.memory.storage else { return }
    let byte = 4 * (product.c.offset + position(product))
    inner.queue.async { memory.withMutableBytes { $0[byte] ^= 1 } }
  }

  func allocate(byteCount: Int) throws -> DeviceMemory { try inner.allocate(byteCount: byteCount) }
  func write(
    _ source: HostMemory, at sourceOffset: Int, byteCount: Int, to destination: DeviceMemory, at byteOffset: Int
  )
    throws
  { try inner.write(source, at: sourceOffset, byteCount: byteCount, to: destination, at: byteOffset) }
  func read(
    _ source: DeviceMemory, at byteOffset: Int, byteCount: Int, into destination: HostMemory, at hostOffset: Int
  )
    throws
  { try inner.read(source, at: byteOffset, byteCount: byteCount, into: destination, at: hostOffset) }
  func copy(_ source: MatrixView, to destination: MatrixView) throws { try inner.copy(source, to: destination) }
  func fill(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, with pattern: UInt32) throws {
    try inner.fill(memory, at: byteOffset, byteCount: byteCount, with: pattern)
  }
  func pack(_ source: MatrixView, into weight: Weight) throws { try inner.pack(source, into: weight) }
  func addBias(_ bias: MatrixView, to matrix: MatrixView) throws { try inner.addBias(bias, to: matrix) }
  func reduce(_ reduction: Reduction) throws { try inner.reduce(reduction) }
  func beginAccess(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool) async throws -> HostAccess
  {
    try await inner.beginAccess(memory, at: byteOffset, byteCount: byteCount, writing: writing)
  }
  func endAccess(_ access: HostAccess) throws { try inner.endAccess(access) }
  func flush() { inner.flush() }
  func finish() async throws { try await inner.finish() }
  func enqueueFMALoop(steps: Int) throws -> Double { try inner.enqueueFMALoop(steps: steps) }
  func enqueueReadLoop(_ memory: DeviceMemory) throws -> Double { try inner.enqueueReadLoop(memory) }
}
