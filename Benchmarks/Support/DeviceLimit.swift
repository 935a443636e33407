// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// What a device can do at most, measured by a loop that does nothing else.
package struct DeviceLimit {
  /// What one call does: floating-point operations, or bytes.
  package let amount: Double
  package let run: Run

  /// fma in registers.
  package static func arithmetic(_ device: any ComputeDevice) throws -> DeviceLimit {
    let steps = 1 << 18
    return try DeviceLimit(device) { _ in try device.enqueueFMALoop(steps: steps) }
  }

  /// Reading memory that no cache holds.
  package static func read(_ device: any ComputeDevice) throws -> DeviceLimit {
    let memory = try filled(min(uncached(device), device.capabilities.maximumAllocationByteCount) & ~65535, device)
    return try DeviceLimit(device) { _ in try device.enqueueReadLoop(memory) }
  }

  /// Copying blocks of `byteCount` bytes, `count` pairs of them one after the other; counts bytes read and written.
  package static func copy(_ device: any ComputeDevice, byteCount: Int, count: Int) throws -> DeviceLimit {
    let pairs = try (0..<count).map { _ in (try filled(byteCount, device), try filled(byteCount, device)) }
    return try DeviceLimit(device) { call in
      let (source, target) = pairs[call % pairs.count]
      return try device.enqueueCopyLoop(source, to: target)
    }
  }

  /// Bytes that no cache of the device holds: several times its last one.
  package static func uncached(_ device: any ComputeDevice) -> Int {
    max(256 << 20, 4 * device.capabilities.cacheByteCount)
  }

  private init(_ device: any ComputeDevice, _ enqueue: @escaping (_ call: Int) throws -> Double) throws {
    amount = try enqueue(0)
    var call = 0
    run = { count in
      for _ in 0..<count {
        _ = try enqueue(call)
        call += 1
      }
      try await device.finish()
    }
  }

  private static func filled(_ byteCount: Int, _ device: any ComputeDevice) throws -> DeviceMemory {
    let memory = try device.allocate(byteCount: byteCount)
    try device.fill(memory, at: 0, byteCount: byteCount, with: Float(1).bitPattern)
    return memory
  }
}
