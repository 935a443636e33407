// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization
import TestSupport

@testable import ShardCompute

/// The CPU fallback, except that from a moment on nothing of it is ever done, until it is let go.
final class StuckDevice: ForwardingDevice {
  let base = HostDevice(workers: 1)
  let selector: String
  private let gate = DispatchSemaphore(value: 0)
  private let isStuck = Mutex(false)

  init(_ selector: String) { self.selector = selector }

  deinit { free() }

  /// Holds up everything that is enqueued from now on.
  func hold() {
    isStuck.withLock { isStuck in
      guard !isStuck else { return }
      isStuck = true
      base.queue.async { [gate] in gate.wait() }
    }
  }

  /// Lets everything go on.
  func free() {
    isStuck.withLock { isStuck in
      if isStuck { gate.signal() }
      isStuck = false
    }
  }
}
