// SPDX-License-Identifier: Apache-2.0

/// A small JSON text as a tree, for configuration files; long ones are read with `JSONScanner` directly.
package indirect enum JSONValue: Hashable, Sendable {
  case object([ExactString: JSONValue])
  case array([JSONValue])
  case string(String)
  case number(JSONNumber)
  case boolean(Bool)
  case null

  /// The largest text that is made into a tree, which takes many times its bytes.
  package static let byteLimit = 4 << 20

  /// Parses all of `bytes`, which must be one value; `subject` names it in errors.
  package init(parsing bytes: [UInt8], file: String, subject: String) throws {
    guard bytes.count <= Self.byteLimit else {
      throw ModelFileError(
        .malformed, file: file, field: "size of \(subject)", value: "\(bytes.count) bytes",
        limit: "at most \(Self.byteLimit) are read")
    }
    var scanner = JSONScanner(bytes, file: file, subject: subject)
    self = try scanner.value()
    try scanner.end()
  }

  /// The value of `key`, nil if this is no object or has no such key.
  package subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { members[ExactString(key)] } else { nil }
  }

  /// The string, nil if this is none.
  package var string: String? { if case .string(let text) = self { text } else { nil } }

  /// The whole number, nil if this is none.
  package var integer: Int? { if case .number(.integer(let value)) = self { value } else { nil } }
}

extension JSONScanner {
  /// Reads a value of any kind as a tree.
  fileprivate mutating func value() throws -> JSONValue {
    switch try nextKind() {
    case .object:
      var members: [ExactString: JSONValue] = [:]
      try object { scanner, key in members[ExactString(key)] = try scanner.value() }
      return .object(members)
    case .array:
      var elements: [JSONValue] = []
      try array { elements.append(try $0.value()) }
      return .array(elements)
    case .string: return .string(try string())
    case .number: return .number(try number())
    case .boolean: return .boolean(try boolean())
    case .null:
      try null()
      return .null
    }
  }
}
