// SPDX-License-Identifier: Apache-2.0

/// A number of a JSON text.
package enum JSONNumber: Hashable, Sendable {
  /// Written without fraction and exponent, and fits: exact.
  case integer(Int)
  /// Any other; finite, rounded to nearest.
  case double(Double)
}

extension JSONScanner {
  /// Reads a string, with its escapes resolved. Its bytes are kept as they are: nothing is normalised.
  package mutating func string() throws -> String {
    skipWhitespace()
    try expect("\"", "to begin a string")
    let start = position
    var text: [UInt8] = []
    var plain = position  // Where the run of bytes that are copied unchanged begins.
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        let end = position
        position += 1
        return try text.isEmpty ? validated(bytes[plain..<end], start) : validated(text + bytes[plain..<end], start)
      case UInt8(ascii: "\\"):
        text += bytes[plain..<position]
        try escape(into: &text)
        plain = position
      case 0..<0x20:
        throw unexpected("control characters in strings are written as escapes")
      default:
        position += 1
      }
    }
    throw unexpected("the string that begins at byte \(start) does not end")
  }

  /// Reads a number.
  package mutating func number() throws -> JSONNumber {
    skipWhitespace()
    let start = position
    if peek == UInt8(ascii: "-") { position += 1 }
    let firstDigit = position
    try digits("a number")
    guard bytes[firstDigit] != UInt8(ascii: "0") || position == firstDigit + 1 else {
      throw malformed("number at byte \(start)", quoted(bytes: bytes[start..<position]), "numbers begin with one zero")
    }
    var isInteger = true
    if peek == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try digits("a fraction")
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
      try digits("an exponent")
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int(text) { return .integer(integer) }
    guard let double = Double(text), double.isFinite else {
      throw malformed("number at byte \(start)", quoted(text), "numbers must be below 1.8e308 in size")
    }
    return .double(double)
  }

  /// Reads a whole number of `range`, written without fraction and exponent; `field` names it in errors.
  package mutating func integer(in range: ClosedRange<Int>, _ field: @autoclosure () -> String) throws -> Int {
    let limit = "it must be a whole number from \(range.lowerBound) to \(range.upperBound)"
    let kind = try nextKind()
    guard kind == .number else { throw malformed(field(), "of kind \(kind)", limit) }
    let start = position
    guard case .integer(let value) = try number(), range.contains(value) else {
      throw malformed(field(), quoted(bytes: bytes[start..<position]), limit)
    }
    return value
  }

  private mutating func digits(_ place: String) throws {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw unexpected("expected a digit of \(place)") }
  }

  private func validated(_ utf8: some Collection<UInt8>, _ start: Int) throws -> String {
    guard let text = String(validating: utf8, as: UTF8.self) else {
      throw malformed("string at byte \(start)", quoted(bytes: utf8), "strings must be valid UTF-8")
    }
    return text
  }

  /// Reads the escape at the current position and appends what it stands for.
  private mutating func escape(into text: inout [UInt8]) throws {
    position += 1
    let letter = peek
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[position - 1])
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text += Array(String(try escapedScalar()).utf8)
    default:
      position -= 1
      throw unexpected("expected one of \" \\ / b f n r t u after a backslash")
    }
  }

  /// Reads the digits after `\u`, and the second half of a surrogate pair.
  private mutating func escapedScalar() throws -> Character {
    let start = position - 2
    let first = try hexadecimal()
    var code = first
    if (0xd800..<0xdc00).contains(first) {
      try expect("\\", "and the second half of a surrogate pair")
      try expect("u", "and the second half of a surrogate pair")
      let second = try hexadecimal()
      guard (0xdc00..<0xe000).contains(second) else {
        throw malformed("escape at byte \(start)", "half a surrogate pair", "surrogates must come in pairs")
      }
      code = 0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw malformed("escape at byte \(start)", "half a surrogate pair", "surrogates must come in pairs")
    }
    return Character(scalar)
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("expected four hexadecimal digits after \\u")
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }
}
