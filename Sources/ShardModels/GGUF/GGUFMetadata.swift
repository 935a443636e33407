// SPDX-License-Identifier: Apache-2.0

/// The metadata of a GGUF file. Values are decoded when they are asked for, so that a vocabulary costs nothing until then.
public struct GGUFMetadata: Sendable {
  /// The keys, in the file's order.
  public let keys: [String]
  /// The path of the file.
  public var path: String { file.path }

  let file: MappedFile
  private let entries: [ExactString: Entry]

  /// Where a value is.
  struct Entry: Sendable {
    let type: GGUFValueType
    let byteRange: Range<Int>
  }

  init(keys: [String], entries: [ExactString: Entry], file: MappedFile) {
    self.keys = keys
    self.entries = entries
    self.file = file
  }

  /// The type of the value of `key`, nil if there is none.
  public func type(of key: String) -> GGUFValueType? { entries[ExactString(key)]?.type }

  /// The whole number under `key`, nil if there is none.
  ///
  /// - Throws: `ModelFileError` if the value is of another kind or above 2^63 − 1.
  public func integer(_ key: String) throws -> Int? {
    try decode(key) { cursor, type in try cursor.wholeNumber(type, quoted(key)) }
  }

  /// The number under `key`, nil if there is none. Whole numbers are converted.
  ///
  /// - Throws: `ModelFileError` if the value is no number.
  public func number(_ key: String) throws -> Double? {
    try decode(key) { cursor, type in try cursor.number(type, quoted(key)) }
  }

  /// The truth value under `key`, nil if there is none.
  ///
  /// - Throws: `ModelFileError` if the value is of another kind.
  public func boolean(_ key: String) throws -> Bool? {
    try decode(key) { cursor, type in
      guard type == .bool else { throw cursor.wrongType(type, "a bool", quoted(key)) }
      return try cursor.integer(quoted(key), as: UInt8.self) != 0
    }
  }

  /// The text under `key`, nil if there is none.
  ///
  /// - Throws: `ModelFileError` if the value is of another kind or not UTF-8.
  public func string(_ key: String) throws -> String? {
    try decode(key) { cursor, type in
      guard type == .string else { throw cursor.wrongType(type, "a string", quoted(key)) }
      return try cursor.string(quoted(key))
    }
  }

  /// The array under `key`, nil if there is none.
  ///
  /// - Throws: `ModelFileError` if the value is of another kind.
  public func array(_ key: String) throws -> GGUFArray? {
    guard let entry = entries[ExactString(key)] else { return nil }
    return try decode(key) { cursor, type in
      guard type == .array else { throw cursor.wrongType(type, "an array", quoted(key)) }
      let elementType = try cursor.valueType("elements of \(quoted(key))")
      let count = try cursor.count(ofAtLeast: elementType.smallestByteCount, "count of \(quoted(key))")
      return GGUFArray(
        name: quoted(key), elementType: elementType, count: count,
        byteRange: cursor.offset..<entry.byteRange.upperBound, file: file)
    }
  }

  private func decode<Value>(
    _ key: String, _ body: (inout GGUFCursor, GGUFValueType) throws -> Value
  ) throws -> Value? {
    guard let entry = entries[ExactString(key)] else { return nil }
    return try file.withBytes(in: entry.byteRange) { bytes in
      var cursor = GGUFCursor(bytes, base: entry.byteRange.lowerBound, file: file.path)
      return try body(&cursor, entry.type)
    }
  }
}

extension GGUFCursor {
  /// Reads a value of any integer type that fits.
  mutating func wholeNumber(_ type: GGUFValueType, _ field: @autoclosure () -> String) throws -> Int {
    switch type {
    case .uint8: return Int(try integer(field(), as: UInt8.self))
    case .int8: return Int(try integer(field(), as: Int8.self))
    case .uint16: return Int(try integer(field(), as: UInt16.self))
    case .int16: return Int(try integer(field(), as: Int16.self))
    case .uint32: return Int(try integer(field(), as: UInt32.self))
    case .int32: return Int(try integer(field(), as: Int32.self))
    case .int64: return Int(try integer(field(), as: Int64.self))
    case .uint64:
      let value: UInt64 = try integer(field())
      guard let result = Int(exactly: value) else { throw malformed(field(), "\(value)", "at most \(Int.max) is read") }
      return result
    default: throw wrongType(type, "a whole number", field())
    }
  }

  /// Reads a value of any integer or floating-point type.
  mutating func number(_ type: GGUFValueType, _ field: @autoclosure () -> String) throws -> Double {
    switch type {
    case .float32: Double(Float(bitPattern: try integer(field())))
    case .float64: Double(bitPattern: try integer(field()))
    case .uint64: Double(try integer(field(), as: UInt64.self))
    case .bool, .string, .array: throw wrongType(type, "a number", field())
    default: Double(try wholeNumber(type, field()))
    }
  }

  /// An error about a value that is not of the type it should be.
  func wrongType(_ type: GGUFValueType, _ expected: String, _ field: String) -> ModelFileError {
    malformed("type of \(field)", "\(type)", "it must be \(expected)")
  }
}
