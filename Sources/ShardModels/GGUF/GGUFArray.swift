// SPDX-License-Identifier: Apache-2.0

/// An array in the metadata of a GGUF file, decoded when its elements are asked for.
public struct GGUFArray: Sendable {
  /// The type of all elements.
  public let elementType: GGUFValueType
  /// How many elements there are.
  public let count: Int

  let name: String
  let byteRange: Range<Int>
  let file: MappedFile

  init(name: String, elementType: GGUFValueType, count: Int, byteRange: Range<Int>, file: MappedFile) {
    self.name = name
    self.elementType = elementType
    self.count = count
    self.byteRange = byteRange
    self.file = file
  }

  /// The elements as whole numbers.
  ///
  /// - Throws: `ModelFileError` if they are of another kind or one is above 2^63 − 1.
  public func integers() throws -> [Int] {
    try elements { cursor in try cursor.wholeNumber(elementType, "an element of \(name)") }
  }

  /// The elements as numbers.
  ///
  /// - Throws: `ModelFileError` if they are no numbers.
  public func numbers() throws -> [Double] {
    try elements { cursor in try cursor.number(elementType, "an element of \(name)") }
  }

  /// The elements as texts, byte for byte as they are in the file.
  ///
  /// - Throws: `ModelFileError` if they are of another kind or one is not UTF-8.
  public func strings() throws -> [String] {
    try elements { cursor in
      guard elementType == .string else { throw cursor.wrongType(elementType, "a string", "an element of \(name)") }
      return try cursor.string("an element of \(name)")
    }
  }

  /// The elements as arrays.
  ///
  /// - Throws: `ModelFileError` if they are of another kind.
  public func arrays() throws -> [GGUFArray] {
    try elements { cursor in
      guard elementType == .array else { throw cursor.wrongType(elementType, "an array", "an element of \(name)") }
      let start = cursor
      try cursor.skipValue(.array, "an element of \(name)")
      var inner = start
      let type = try inner.valueType("elements of \(name)")
      let count = try inner.count(ofAtLeast: type.smallestByteCount, "count of an element of \(name)")
      return GGUFArray(
        name: "an element of \(name)", elementType: type, count: count, byteRange: inner.offset..<cursor.offset,
        file: file)
    }
  }

  private func elements<Element>(_ read: (inout GGUFCursor) throws -> Element) throws -> [Element] {
    try file.withBytes(in: byteRange) { bytes in
      var cursor = GGUFCursor(bytes, base: byteRange.lowerBound, file: file.path)
      var result: [Element] = []
      result.reserveCapacity(count)
      for _ in 0..<count { result.append(try read(&cursor)) }
      return result
    }
  }
}
