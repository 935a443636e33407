// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization

/// The CPU fallback with a count of open accesses, which may refuse to begin or to end them.
final class WatchedDevice: ComputeDevice {
  enum Refusal: Error, Hashable { case begin(String), end(String) }

  let base = HostDevice(workers: 1)
  let selector: String
  private let refusesBegin: Bool
  private let refusesEnd: Bool
  /// Accesses that began and have not ended, and all that began.
  let accesses = Mutex<(open: Int, all: Int)>((0, 0))

  init(_ selector: String, refusesBegin: Bool = false, refusesEnd: Bool = false) {
    self.selector = selector
    self.refusesBegin = refusesBegin
    self.refusesEnd = refusesEnd
  }

  func beginAccess(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool) async throws -> HostAccess
  {
    if refusesBegin { throw Refusal.begin(selector) }
    let access = try await base.beginAccess(memory, at: byteOffset, byteCount: byteCount, writing: writing)
    accesses.withLock { $0 = ($0.open + 1, $0.all + 1) }
    return access
  }

  func endAccess(_ access: HostAccess) throws {
    accesses.withLock { $0.open -= 1 }
    try base.endAccess(access)
    if refusesEnd { throw Refusal.end(selector) }
  }

  var name: String { base.name }
  var capabilities: Capabilities { base.capabilities }
  var weightPanelWidth: Int { base.weightPanelWidth }
  func allocate(byteCount: Int) throws -> DeviceMemory { try base.allocate(byteCount: byteCount) }
  func write(
    _ source: HostMemory, at sourceOffset: Int, byteCount: Int, to destination: DeviceMemory, at byteOffset: Int
  ) throws {
    try base.write(source, at: sourceOffset, byteCount: byteCount, to: destination, at: byteOffset)
  }
  func read(
    _ source: DeviceMemory, at byteOffset: Int, byteCount: Int, into destination: HostMemory, at hostOffset: Int
  ) throws {
    try base.read(source, at: byteOffset, byteCount: byteCount, into: destination, at: hostOffset)
  }
  func copy(_ source: MatrixView, to destination: MatrixView) throws { try base.copy(source, to: destination) }
  func fill(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, with pattern: UInt32) throws {
    try base.fill(memory, at: byteOffset, byteCount: byteCount, with: pattern)
  }
  func pack(_ source: MatrixView, into weight: Weight) throws { try base.pack(source, into: weight) }
  func multiply(_ product: Product) throws { try base.multiply(product) }
  func addBias(_ bias: MatrixView, to matrix: MatrixView) throws { try base.addBias(bias, to: matrix) }
  func reduce(_ reduction: Reduction) throws { try base.reduce(reduction) }
  func enqueueFMALoop(steps: Int) throws -> Double { try base.enqueueFMALoop(steps: steps) }
  func enqueueReadLoop(_ memory: DeviceMemory) throws -> Double { try base.enqueueReadLoop(memory) }
  func flush() { base.flush() }
  func finish() async throws { try await base.finish() }
}
