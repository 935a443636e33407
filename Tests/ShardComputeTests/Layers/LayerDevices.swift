// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization

extension ProductTests.Kind {
  private static let made = Mutex<[Self: any ComputeDevice]>([:])

  /// The kind's device, the same one at each call, so that suites of layers build each kernel once.
  func shared() throws -> any ComputeDevice {
    try Self.made.withLock { made in
      if let device = made[self] { return device }
      let device = try device()
      made[self] = device
      return device
    }
  }
}
