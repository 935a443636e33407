// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A device that does what a CPU fallback does, except where a test declares something else.
package protocol ForwardingDevice: ComputeDevice {
  /// The device that does the work.
  var base: HostDevice { get }
}

extension ForwardingDevice {
  package var selector: String { base.selector }
  package var name: String { base.name }
  package var capabilities: Capabilities { base.capabilities }
  package var weightPanelWidth: Int { base.weightPanelWidth }

  package func allocate(byteCount: Int) throws -> DeviceMemory { try base.allocate(byteCount: byteCount) }
  package func write(
    _ source: HostMemory, at sourceOffset: Int, byteCount: Int, to destination: DeviceMemory, at byteOffset: Int
  ) throws {
    try base.write(source, at: sourceOffset, byteCount: byteCount, to: destination, at: byteOffset)
  }
  package func read(
    _ source: DeviceMemory, at byteOffset: Int, byteCount: Int, into destination: HostMemory, at hostOffset: Int
  ) throws {
    try base.read(source, at: byteOffset, byteCount: byteCount, into: destination, at: hostOffset)
  }
  package func copy(_ source: MatrixView, to destination: MatrixView) throws { try base.copy(source, to: destination) }
  package func fill(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, with pattern: UInt32) throws {
    try base.fill(memory, at: byteOffset, byteCount: byteCount, with: pattern)
  }

  package func pack(_ source: MatrixBatch, into weight: Weight) throws { try base.pack(source, into: weight) }
  package func pack(blocks: DeviceMemory, into weight: Weight) throws { try base.pack(blocks: blocks, into: weight) }
  package func multiply(_ product: Product) throws { try base.multiply(product) }
  package func addBias(_ bias: MatrixView, to matrix: MatrixView) throws { try base.addBias(bias, to: matrix) }
  package func attend(_ attention: Attention) throws { try base.attend(attention) }
  package func join(_ join: AttentionJoin) throws { try base.join(join) }
  package func append(_ append: KVAppend) throws { try base.append(append) }
  package func reduce(_ reduction: Reduction) throws { try base.reduce(reduction) }
  package func normalise(_ norm: Norm) throws { try base.normalise(norm) }
  package func softmax(_ softmax: Softmax) throws { try base.softmax(softmax) }
  package func rotate(_ rotation: Rotation) throws { try base.rotate(rotation) }
  package func apply(_ operation: Elementwise) throws { try base.apply(operation) }
  package func lookUp(_ look: LookUp) throws { try base.lookUp(look) }
  package func findTop(_ top: TopK) throws { try base.findTop(top) }
  package func sumLeaves(_ sums: LeafSums) throws { try base.sumLeaves(sums) }
  package func joinLeaves(_ join: LogSumExp) throws { try base.joinLeaves(join) }
  package func enqueueFMALoop(steps: Int) throws -> Double { try base.enqueueFMALoop(steps: steps) }
  package func enqueueReadLoop(_ memory: DeviceMemory) throws -> Double { try base.enqueueReadLoop(memory) }
  package func enqueueCopyLoop(_ source: DeviceMemory, to target: DeviceMemory) throws -> Double {
    try base.enqueueCopyLoop(source, to: target)
  }

  package func beginAccess(
    _ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool
  ) async throws -> HostAccess {
    try await base.beginAccess(memory, at: byteOffset, byteCount: byteCount, writing: writing)
  }
  package func endAccess(_ access: HostAccess) throws { try base.endAccess(access) }
  package func flush() { base.flush() }
  package func finish() async throws { try await base.finish() }
}
