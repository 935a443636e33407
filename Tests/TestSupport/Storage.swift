// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

extension ElementType {
  /// The bytes of `values` in this type, each rounded to the nearest, ties to even.
  public func encode(_ values: [Float]) -> [UInt8] {
    switch self {
    case .f32: values.withUnsafeBytes { Array($0) }
    case .f16: values.map { Float16($0) }.withUnsafeBytes { Array($0) }
    case .bf16: values.map(Self.bfloat).withUnsafeBytes { Array($0) }
    }
  }

  /// The values of `bytes` in this type.
  public func decode(_ bytes: [UInt8]) -> [Float] {
    bytes.withUnsafeBytes { raw in
      (0..<raw.count / byteCount).map { index in
        switch self {
        case .f32: raw.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
        case .f16: Float(raw.loadUnaligned(fromByteOffset: 2 * index, as: Float16.self))
        case .bf16: Float(bitPattern: UInt32(raw.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
        }
      }
    }
  }

  private static func bfloat(_ value: Float) -> UInt16 {
    if value.isNaN { return 0x7fc0 }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
  }
}

extension Array where Element == UInt8 {
  /// Whether bytes `range` are those of `other`; at the speed of memory in unoptimised builds too.
  public func matches(_ other: [UInt8], in range: Range<Int>? = nil) -> Bool {
    matches(other, in: range ?? 0..<Swift.max(count, other.count), at: range?.lowerBound ?? 0)
  }

  /// Whether bytes `range` are those of `other` from `start`.
  public func matches(_ other: [UInt8], in range: Range<Int>, at start: Int) -> Bool {
    guard range.upperBound <= count, start + range.count <= other.count else { return false }
    guard !range.isEmpty else { return true }
    return withUnsafeBytes { mine in
      other.withUnsafeBytes { theirs in
        guard let mine = mine.baseAddress, let theirs = theirs.baseAddress else { return false }
        return memcmp(mine + range.lowerBound, theirs + start, range.count) == 0
      }
    }
  }
}

extension HostMemory {
  /// The contents.
  public var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
      withBytes { UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
      count = byteCount
    }
  }
}
