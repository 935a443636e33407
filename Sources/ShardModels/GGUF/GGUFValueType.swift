// SPDX-License-Identifier: Apache-2.0

/// The type of a metadata value in a GGUF file, as it is numbered there; all are little-endian.
public enum GGUFValueType: UInt32, Hashable, Sendable, CaseIterable {
  /// Unsigned, 8 bits.
  case uint8 = 0
  /// Signed, 8 bits.
  case int8
  /// Unsigned, 16 bits.
  case uint16
  /// Signed, 16 bits.
  case int16
  /// Unsigned, 32 bits.
  case uint32
  /// Signed, 32 bits.
  case int32
  /// IEEE single.
  case float32
  /// Truth value in a byte; any but 0 is true.
  case bool
  /// UTF-8 after its length.
  case string
  /// Elements of one type, which may be arrays.
  case array
  /// Unsigned, 64 bits.
  case uint64
  /// Signed, 64 bits.
  case int64
  /// IEEE double.
  case float64

  /// The bytes of a value; nil for strings and arrays, which say their length.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }

  /// The bytes that a value takes at least: a string's length, an array's element type and count.
  var smallestByteCount: Int { byteCount ?? (self == .string ? 8 : 12) }
}
