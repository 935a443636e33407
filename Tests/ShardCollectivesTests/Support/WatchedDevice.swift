// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization
import TestSupport

/// The CPU fallback with a count of open accesses, which may refuse to begin or to end them.
final class WatchedDevice: ForwardingDevice {
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
}
