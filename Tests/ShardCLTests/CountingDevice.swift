// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization
import TestSupport

/// A CPU fallback that counts how often memory is asked for.
final class CountingDevice: ForwardingDevice {
  let base = HostDevice(workers: 1)
  private let count = Atomic<Int>(0)

  /// Calls of `allocate` so far.
  var allocations: Int { count.load(ordering: .relaxed) }

  func allocate(byteCount: Int) throws -> DeviceMemory {
    count.add(1, ordering: .relaxed)
    return try base.allocate(byteCount: byteCount)
  }
}
