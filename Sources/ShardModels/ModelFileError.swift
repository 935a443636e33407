// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a model file, or with what was asked of it.
///
/// Reads as one line: *"model.gguf: tensor count is 1152921504606846976; the 40 bytes left hold at most 1"*.
public struct ModelFileError: Error, Hashable, Sendable {
  /// Which kind of failure it is; a program can choose its exit code by it.
  public enum Kind: String, Hashable, Sendable {
    /// The operating system refuses to open, inspect or map the file, or the file changed under us.
    case unreadable
    /// The file contradicts its format, or itself.
    case malformed
    /// The file is sound but uses something that ShardModels does not implement.
    case unsupported
    /// A tensor, key or file that is needed is not there.
    case missing
    /// The caller asked for rows, columns or a type that the tensor does not have.
    case invalidRequest
  }

  /// The kind of failure.
  public let kind: Kind
  /// The path of the file, as it was opened.
  public let file: String
  /// The field, key, tensor or system call at fault.
  public let field: String
  /// What was found there.
  public let value: String
  /// What would have been accepted, or what to do.
  public let limit: String

  /// Makes an error of which every part is shown to people.
  package init(_ kind: Kind, file: String, field: String, value: String, limit: String) {
    self.kind = kind
    self.file = file
    self.field = field
    self.value = value
    self.limit = limit
  }
}

extension ModelFileError: CustomStringConvertible {
  /// One line that names file, field, value and limit.
  public var description: String { "\(file): \(field) is \(value); \(limit)" }
}

/// `text` from a file, fit for an error message: in quotes, control characters escaped, at most 80 characters.
func quoted(_ text: some StringProtocol) -> String {
  var result = "\""
  for scalar in text.unicodeScalars.prefix(80) {
    result += scalar.escaped(asASCII: scalar.properties.generalCategory == .format)
  }
  return text.unicodeScalars.dropFirst(80).isEmpty ? result + "\"" : result + "…\""
}

/// The same for bytes that may not be text.
func quoted(bytes: some Collection<UInt8>) -> String {
  quoted(String(decoding: bytes.prefix(400), as: UTF8.self))
}
