// SPDX-License-Identifier: Apache-2.0

/// The type of a metadata value in a GGUF file.
public enum GGUFValueType: UInt32, Hashable, Sendable, CaseIterable {
  case uint8 = 0
  case int8
  case uint16
  case int16
  case uint32
  case int32
  case float32
  case bool
  case string
  case array
  case uint64
  case int64
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
