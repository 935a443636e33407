// SPDX-License-Identifier: Apache-2.0

/// Reads JSON (RFC 8259) from bytes that nobody vouches for, value by value, without building a tree.
///
/// Stricter than most parsers, because a header that two programs can read in two ways is an attack: keys are compared
/// byte for byte and must be unique; a byte-order mark, invalid UTF-8, lone surrogates, comments, trailing commas and
/// anything after the value are refused. Nesting is limited, so that no input exhausts the stack.
package struct JSONScanner {
  /// How deep arrays and objects may be nested.
  package static let depthLimit = 64

  /// The file, for errors.
  package let file: String
  /// What is being read, for errors: "header", "config.json".
  package let subject: String
  let bytes: [UInt8]
  var position = 0
  private var depth = 0

  /// Makes a scanner at the first byte.
  package init(_ bytes: [UInt8], file: String, subject: String) {
    self.bytes = bytes
    self.file = file
    self.subject = subject
  }

  /// What the next value is, by its first byte.
  package enum Kind: String, Sendable { case object, array, string, number, boolean, null }

  /// The kind of the value that comes next.
  package mutating func nextKind() throws -> Kind {
    skipWhitespace()
    guard let byte = peek else { throw unexpected("expected a value") }
    switch byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    default: throw unexpected("expected a value")
    }
  }

  /// Reads an object; `body` reads the value of each key.
  package mutating func object(_ body: (inout JSONScanner, String) throws -> Void) throws {
    var keys: Set<ExactString> = []
    try list(open: "{", close: "}", name: "an object") { scanner in
      let start = scanner.position
      let key = try scanner.string()
      guard keys.insert(ExactString(key)).inserted else {
        throw scanner.malformed("key at byte \(start)", quoted(key), "keys must be unique")
      }
      scanner.skipWhitespace()
      try scanner.expect(":", "after the key \(quoted(key))")
      try body(&scanner, key)
    }
  }

  /// Reads an array; `body` reads each element.
  package mutating func array(_ body: (inout JSONScanner) throws -> Void) throws {
    try list(open: "[", close: "]", name: "an array") { try body(&$0) }
  }

  /// Reads `true` or `false`.
  package mutating func boolean() throws -> Bool {
    skipWhitespace()
    if peek == UInt8(ascii: "t") {
      try literal("true")
      return true
    }
    try literal("false")
    return false
  }

  /// Reads `null`.
  package mutating func null() throws {
    skipWhitespace()
    try literal("null")
  }

  /// Reads past a value of any kind; it must be valid.
  package mutating func skipValue() throws {
    switch try nextKind() {
    case .object: try object { scanner, _ in try scanner.skipValue() }
    case .array: try array { try $0.skipValue() }
    case .string: _ = try string()
    case .number: _ = try number()
    case .boolean: _ = try boolean()
    case .null: try null()
    }
  }

  /// Checks that only white space follows.
  package mutating func end() throws {
    skipWhitespace()
    guard position == bytes.count else { throw unexpected("expected nothing after the value") }
  }
}

// What the other files of the scanner build upon.
extension JSONScanner {
  /// The byte at the current position, nil at the end.
  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipWhitespace() {
    while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }

  mutating func expect(_ character: Unicode.Scalar, _ place: String) throws {
    guard peek == UInt8(ascii: character) else { throw unexpected("expected \"\(character)\" \(place)") }
    position += 1
  }

  /// An error about the byte at the current position.
  func unexpected(_ limit: String) -> ModelFileError {
    guard let byte = peek else { return malformed("byte \(position)", "the end", limit) }
    let value = (0x21...0x7e).contains(byte) ? quoted(bytes: [byte]) : "0x" + String(byte, radix: 16)
    return malformed("byte \(position)", value, limit)
  }

  /// An error about `field` of what is being read.
  func malformed(_ field: String, _ value: String, _ limit: String) -> ModelFileError {
    ModelFileError(.malformed, file: file, field: "\(subject), \(field)", value: value, limit: limit)
  }

  private mutating func list(
    open: Unicode.Scalar, close: Unicode.Scalar, name: String, _ element: (inout JSONScanner) throws -> Void
  ) throws {
    skipWhitespace()
    guard depth < Self.depthLimit else {
      throw malformed("depth at byte \(position)", "\(depth + 1)", "values may be nested \(Self.depthLimit) deep")
    }
    try expect(open, "to begin \(name)")
    depth += 1
    defer { depth -= 1 }
    skipWhitespace()
    if peek == UInt8(ascii: close) {
      position += 1
      return
    }
    while true {
      skipWhitespace()
      try element(&self)
      skipWhitespace()
      if peek == UInt8(ascii: close) {
        position += 1
        return
      }
      try expect(",", "or \"\(close)\" in \(name)")
    }
  }

  private mutating func literal(_ word: String) throws {
    guard bytes[position...].starts(with: word.utf8) else { throw unexpected("expected \(word)") }
    position += word.utf8.count
  }
}
