// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization

/// A CPU fallback that counts how often memory is asked for.
final class CountingDevice: ComputeDevice {
  private let device = HostDevice(workers: 1)
  private let count = Atomic<Int>(0)

  /// Calls of `allocate` so far.
  var allocations: Int { count.load(ordering: .relaxed) }

  var selector: String { device.selector }
  var name: String { device.name }
  var capabilities: Capabilities { device.capabilities }
  var weightPanelWidth: Int { device.weightPanelWidth }

  func allocate(byteCount: Int) throws -> DeviceMemory {
    count.add(1, ordering: .relaxed)
    return try device.allocate(byteCount: byteCount)
  }

  func write(
    _ source: HostMemory, at sourceOffset: Int, byteCount: Int, to destination: DeviceMemory, at byteOffset: Int
  ) throws {
    try device.write(source, at: sourceOffset, byteCount: byteCount, to: destination, at: byteOffset)
  }

  func read(
    _ source: DeviceMemory, at byteOffset: Int, byteCount: Int, into destination: HostMemory, at hostOffset: Int
  ) throws {
    try device.read(source, at: byteOffset, byteCount: byteCount, into: destination, at: hostOffset)
  }

  func copy(_ source: MatrixView, to destination: MatrixView) throws { try device.copy(source, to: destination) }

  func fill(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, with pattern: UInt32) throws {
    try device.fill(memory, at: byteOffset, byteCount: byteCount, with: pattern)
  }

  func pack(_ source: MatrixView, into weight: Weight) throws { try device.pack(source, into: weight) }
  func multiply(_ product: Product) throws { try device.multiply(product) }
  func addBias(_ bias: MatrixView, to matrix: MatrixView) throws { try device.addBias(bias, to: matrix) }
  func reduce(_ reduction: Reduction) throws { try device.reduce(reduction) }

  func beginAccess(
    _ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool
  ) async throws -> HostAccess {
    try await device.beginAccess(memory, at: byteOffset, byteCount: byteCount, writing: writing)
  }

  func endAccess(_ access: HostAccess) throws { try device.endAccess(access) }
  func enqueueFMALoop(steps: Int) throws -> Double { try device.enqueueFMALoop(steps: steps) }
  func enqueueReadLoop(_ memory: DeviceMemory) throws -> Double { try device.enqueueReadLoop(memory) }
  func flush() { device.flush() }
  func finish() async throws { try await device.finish() }
}
