// SPDX-License-Identifier: Apache-2.0

/// A place in the bytes of a GGUF file. Nothing is read, and no count believed, before it is held against what is left.
struct GGUFCursor {
  /// How deep arrays of arrays may be nested.
  static let depthLimit = 8

  let bytes: UnsafeRawBufferPointer
  /// The path, for errors.
  let file: String
  /// What the first of `bytes` is counted as in errors, and in the offsets given out.
  let base: Int
  private var index = 0

  init(_ bytes: UnsafeRawBufferPointer, base: Int = 0, file: String) {
    self.bytes = bytes
    self.base = base
    self.file = file
  }

  /// The offset in the file.
  var offset: Int { base + index }
  /// How many bytes are left.
  var remaining: Int { bytes.count - index }

  /// Reads a little-endian integer.
  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ field: @autoclosure () -> String, as _: T.Type = T.self
  ) throws -> T {
    let start = try take(MemoryLayout<T>.size, field())
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  /// Reads a count of things that take at least `smallest` bytes each.
  mutating func count(
    ofAtLeast smallest: Int, limit: Int = .max, _ field: @autoclosure () -> String
  ) throws -> Int {
    let value: UInt64 = try integer(field())
    let possible = min(remaining / smallest, limit)
    guard let count = Int(exactly: value), count <= possible else {
      throw malformed(field(), "\(value)", "the \(remaining) bytes left hold at most \(possible)")
    }
    return count
  }

  /// Reads a string's length and steps over its bytes; the result is where they are in `bytes`.
  mutating func stringBytes(_ field: @autoclosure () -> String) throws -> Range<Int> {
    let count = try count(ofAtLeast: 1, "length of \(field())")
    let start = try take(count, field())
    return start..<start + count
  }

  /// Reads a string.
  mutating func string(_ field: @autoclosure () -> String) throws -> String {
    let utf8 = bytes[try stringBytes(field())]
    guard let text = String(validating: utf8, as: UTF8.self) else {
      throw malformed(field(), quoted(bytes: utf8), "strings must be valid UTF-8")
    }
    return text
  }

  /// Reads the number of a value type.
  mutating func valueType(_ field: @autoclosure () -> String) throws -> GGUFValueType {
    let number: UInt32 = try integer("type of \(field())")
    guard let type = GGUFValueType(rawValue: number) else {
      throw malformed("type of \(field())", "\(number)", "value types are numbered 0 to 12")
    }
    return type
  }

  /// Steps over a value of `type`, checking every length in it.
  mutating func skipValue(_ type: GGUFValueType, depth: Int = 0, _ field: @autoclosure () -> String) throws {
    if let byteCount = type.byteCount {
      _ = try take(byteCount, field())
    } else if type == .string {
      _ = try stringBytes(field())
    } else {
      try skipArray(depth: depth, field())
    }
  }

  /// An error about something in the file.
  func malformed(_ field: String, _ value: String, _ limit: String) -> ModelFileError {
    ModelFileError(.malformed, file: file, field: field, value: value, limit: limit)
  }

  private mutating func skipArray(depth: Int, _ field: @autoclosure () -> String) throws {
    guard depth < Self.depthLimit else {
      throw malformed("depth of \(field())", "over \(depth)", "arrays may be nested \(Self.depthLimit) deep")
    }
    let type = try valueType("elements of \(field())")
    let count = try count(ofAtLeast: type.smallestByteCount, "count of \(field())")
    if let byteCount = type.byteCount {
      _ = try take(count * byteCount, field())  // Fits: the count was held against the bytes left.
    } else {
      for _ in 0..<count { try skipValue(type, depth: depth + 1, field()) }
    }
  }

  /// Steps over `count` bytes; the result is the index of the first.
  private mutating func take(_ count: Int, _ field: @autoclosure () -> String) throws -> Int {
    guard count <= remaining else {
      throw malformed(field(), "\(count) bytes at offset \(offset)", "the file ends at byte \(base + bytes.count)")
    }
    defer { index += count }
    return index
  }
}
