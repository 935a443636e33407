// SPDX-License-Identifier: Apache-2.0

/// A block of host memory with one owner, aligned to a page; what devices read from and write to.
///
/// Commands run later than they are enqueued, so they keep the block alive; whoever enqueued one must leave the bytes
/// alone until it is done (`finish()`).
public final class HostMemory: Sendable {
  // Written once in `init`. Access to the bytes is ordered by the queues that use them, as the type's comment demands.
  nonisolated(unsafe) private let base: UnsafeMutableRawPointer
  private let owner: (any AnyObject & Sendable)?
  /// Size in bytes.
  public let byteCount: Int

  /// Allocates `byteCount` bytes (≥ 0), zeroed.
  public init(byteCount: Int) {
    precondition(byteCount >= 0, "a block of memory has 0 bytes or more")
    self.byteCount = byteCount
    base = .allocate(byteCount: max(byteCount, 1), alignment: 4096)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
    owner = nil
  }

  /// Bytes that `owner` (a mapped file) keeps valid; they are only ever read, and may have any alignment.
  public init(borrowing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
    byteCount = bytes.count
    base = UnsafeMutableRawPointer(mutating: bytes.baseAddress) ?? Self.nowhere
    self.owner = owner
  }

  /// A copy of `values`.
  public convenience init<T: BitwiseCopyable>(_ values: [T]) {
    self.init(byteCount: values.count * MemoryLayout<T>.stride)
    values.withUnsafeBytes { source in withMutableBytes { $0.copyMemory(from: source) } }
  }

  deinit { if owner == nil { base.deallocate() } }

  /// Calls `body` with the bytes.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: base, count: byteCount))
  }

  /// Calls `body` with the bytes, for writing; not for borrowed memory.
  public func withMutableBytes<R, E: Error>(_ body: (UnsafeMutableRawBufferPointer) throws(E) -> R) throws(E) -> R {
    precondition(owner == nil, "borrowed memory is only read")
    return try body(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
  }

  /// The contents as values; a remainder smaller than one value is left out.
  public func array<T: BitwiseCopyable>(of type: T.Type) -> [T] {
    let count = byteCount / MemoryLayout<T>.stride
    return withBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self) }
    }
  }

  // The address of zero bytes: one byte, never freed, never touched.
  nonisolated(unsafe) package static let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)

  /// The address of byte 0, for code that keeps the block alive itself.
  package var address: UnsafeMutableRawPointer { base }
}

extension HostMemory {
  /// Throws unless `byteOffset ..< byteOffset + byteCount` lies inside the block, and may be written if that is asked.
  package func checkRange(_ byteOffset: Int, _ byteCount: Int, writing: Bool = false) throws {
    guard !writing || owner == nil else {
      throw ComputeError.outOfBounds("borrowed host memory (a mapped file) is only read")
    }
    guard byteOffset >= 0, byteCount >= 0, byteOffset <= self.byteCount, byteCount <= self.byteCount - byteOffset else {
      throw ComputeError.outOfBounds(
        "bytes \(byteOffset)..<\(byteOffset &+ byteCount) of host memory of \(self.byteCount) bytes")
    }
  }
}
