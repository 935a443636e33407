// SPDX-License-Identifier: Apache-2.0

@testable import ShardModels

/// Bytes of a GGUF file, right or wrong: nothing is checked here.
struct GGUFBuilder {
  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  /// The counts that are written; those of the lists if nil.
  var tensorCount: UInt64?
  var keyCount: UInt64?
  var keys: [[UInt8]] = []
  var tensors: [[UInt8]] = []
  var alignment = 32
  var dataByteCount = 0

  /// The header alone, without padding.
  var header: [UInt8] {
    magic + version.bytes + (tensorCount ?? UInt64(tensors.count)).bytes + (keyCount ?? UInt64(keys.count)).bytes
      + keys.joined() + tensors.joined()
  }

  /// The file, its data bytes counting up.
  var bytes: [UInt8] {
    let header = header
    let padding = (alignment - header.count % alignment) % alignment
    return header + [UInt8](repeating: 0, count: padding) + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
  }

  mutating func key(_ name: String, _ type: GGUFValueType, _ value: [UInt8]) {
    keys.append(Self.string(name) + type.rawValue.bytes + value)
  }

  mutating func key(_ name: String, _ value: String) { key(name, .string, Self.string(value)) }

  mutating func key(_ name: String, _ value: UInt32) { key(name, .uint32, value.bytes) }

  /// A tensor with the dimensions in the file's order, innermost first.
  mutating func tensor(_ name: String, _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0) {
    tensors.append(
      Self.string(name) + UInt32(dimensions.count).bytes + dimensions.flatMap(\.bytes) + type.bytes + offset.bytes)
  }

  static func string(_ text: String) -> [UInt8] { UInt64(text.utf8.count).bytes + Array(text.utf8) }

  /// One key, one tensor of 8 × 4 f32, 128 bytes of data.
  static var small: GGUFBuilder {
    var builder = GGUFBuilder()
    builder.key("general.name", "small")
    builder.tensor("weight", [4, 8])
    builder.dataByteCount = 128
    return builder
  }

  /// `small` after `change`.
  static func small(_ change: (inout GGUFBuilder) -> Void) -> [UInt8] {
    var builder = small
    change(&builder)
    return builder.bytes
  }

  /// A file of that one tensor and 128 bytes of data.
  static func one(_ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64 = 0) -> [UInt8] {
    small {
      $0.tensors = []
      $0.tensor("weight", dimensions, type: type, offset: offset)
    }
  }
}

extension FixedWidthInteger {
  /// Little-endian.
  var bytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}
