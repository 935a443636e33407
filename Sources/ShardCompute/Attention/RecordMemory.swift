// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Device memory for records that change from step to step; it grows to the largest size that was needed.
///
/// A device runs its commands in order, so that records may be replaced while commands that read the former ones still wait.
final class RecordMemory: Sendable {
  private let device: any ComputeDevice
  private let memory = Mutex<DeviceMemory?>(nil)

  init(on device: any ComputeDevice) { self.device = device }

  /// Enqueues the writing of `words`.
  func write(_ words: [Int32]) throws -> DeviceMemory {
    let byteCount = max(4, 4 * words.count)
    return try memory.withLock { memory in
      let block: DeviceMemory
      if let memory, memory.byteCount >= byteCount {
        block = memory
      } else {
        block = try device.allocate(byteCount: max(byteCount, 2 * (memory?.byteCount ?? 0)))
      }
      memory = block
      if !words.isEmpty {
        try device.write(HostMemory(words), at: 0, byteCount: 4 * words.count, to: block, at: 0)
      }
      return block
    }
  }
}
