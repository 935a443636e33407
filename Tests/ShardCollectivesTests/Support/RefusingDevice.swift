// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization
import TestSupport

/// The CPU fallback, except that from a moment on it refuses to wait or to show its memory.
final class RefusingDevice: ForwardingDevice {
  struct Refusal: Error {}

  let base = HostDevice(workers: 1)
  let selector: String
  let refuses = Mutex(false)

  init(_ selector: String) { self.selector = selector }

  func beginAccess(
    _ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool
  ) async throws -> HostAccess {
    if refuses.withLock({ $0 }) { throw Refusal() }
    return try await base.beginAccess(memory, at: byteOffset, byteCount: byteCount, writing: writing)
  }

  func finish() async throws {
    if refuses.withLock({ $0 }) { throw Refusal() }
    try await base.finish()
  }
}
