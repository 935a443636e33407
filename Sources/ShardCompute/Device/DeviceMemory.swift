// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// A block of one device's memory.
public final class DeviceMemory: Sendable {
  /// Size in bytes; may be zero.
  public let byteCount: Int
  package let storage: Storage
  private let account: MemoryAccount?

  package enum Storage: Sendable {
    /// Zero bytes: OpenCL has no empty buffers, and empty tensors are legal.
    case empty
    case buffer(Buffer)
    case host(HostMemory)
  }

  init(byteCount: Int, storage: Storage, account: MemoryAccount? = nil) {
    self.byteCount = byteCount
    self.storage = storage
    self.account = account
  }

  deinit { account?.release(byteCount) }

  /// Throws unless `byteOffset ..< byteOffset + byteCount` lies inside the memory.
  package func checkRange(_ byteOffset: Int, _ byteCount: Int) throws {
    guard byteOffset >= 0, byteCount >= 0, byteOffset <= self.byteCount, byteCount <= self.byteCount - byteOffset else {
      throw ComputeError.outOfBounds(
        "bytes \(byteOffset)..<\(byteOffset &+ byteCount) of memory of \(self.byteCount) bytes")
    }
  }
}
