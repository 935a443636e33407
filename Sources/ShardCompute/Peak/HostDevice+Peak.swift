// SPDX-License-Identifier: Apache-2.0
import CShardHost
import Synchronization

extension HostDevice {
  /// The rate of an fma loop in registers on all threads of the device, in floating-point operations per second.
  public func measureFMAPeak() async throws -> Double {
    try await finish()
    let operations = Mutex(0.0)
    let start = ContinuousClock.now
    enqueueOnWorkers { _ in
      var value: Float = 0
      // About ten milliseconds.
      let done = shard_host_fma_peak(1 << 21, &value)
      operations.withLock { $0 += done + Double(value) * 0 }
    }
    try await finish()
    return operations.withLock { $0 } / start.duration(to: .now).seconds
  }
}

extension Duration {
  /// As a plain number of seconds.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
