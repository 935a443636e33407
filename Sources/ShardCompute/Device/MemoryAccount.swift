// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import Synchronization

/// How much of a device's memory is in use, so that too much is refused before any work: drivers allocate at first use,
/// and then fail somewhere in the middle.
///
/// All parts of a device share one account, and all that opens it in this process.
final class MemoryAccount: Sendable {
  /// All bytes that there are.
  let limit: Int
  private let used = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  /// Bytes that are left.
  var available: Int { limit - used.load(ordering: .relaxed) }

  /// Memory that is counted until its last reference goes.
  ///
  /// - Throws: `ComputeError.outOfMemory`, or the error of `make`.
  func allocate(
    _ byteCount: Int, device: String, _ make: () throws -> DeviceMemory.Storage
  ) throws -> DeviceMemory {
    let (before, after) = used.add(byteCount, ordering: .relaxed)
    do {
      guard after <= limit else {
        throw ComputeError.outOfMemory(byteCount: byteCount, available: limit - before, device: device)
      }
      return DeviceMemory(byteCount: byteCount, storage: try make(), account: self)
    } catch {
      release(byteCount)
      throw error
    }
  }

  /// Gives bytes back.
  func release(_ byteCount: Int) { used.subtract(byteCount, ordering: .relaxed) }

  /// The account of the memory of this machine, for the CPU fallback.
  static let host = MemoryAccount(limit: HostDevice.physicalMemoryByteCount)

  private static let accounts = Mutex<[Int: MemoryAccount]>([:])

  /// The account of an OpenCL device, or of the device that it is a part of.
  static func of(_ device: Device) throws -> MemoryAccount {
    let whole = device.whole
    let limit = try whole.globalMemoryByteCount
    return accounts.withLock { accounts in
      let account = accounts[whole.identifier] ?? MemoryAccount(limit: limit)
      accounts[whole.identifier] = account
      return account
    }
  }
}
