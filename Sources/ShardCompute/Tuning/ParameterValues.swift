// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The parameters of any kernel as a file has them: values by the names of the kernel's tunables.
package struct ParameterValues: Hashable, Sendable {
  /// A number, a switch or a word.
  package enum Value: Hashable, Sendable {
    case integer(Int)
    case boolean(Bool)
    case word(String)
  }

  /// The values by name.
  package var values: [String: Value]

  package init(_ values: [String: Value] = [:]) { self.values = values }

  /// The values of a kernel's `parameters`.
  init(_ parameters: some Encodable) throws {
    self = try JSONDecoder().decode(Self.self, from: JSONEncoder().encode(parameters))
  }

  /// The parameters of a kernel.
  ///
  /// - Throws: `Mismatch` for a name that the kernel does not have, one that is missing, or a value of another type.
  func parameters<T: Codable>(as type: T.Type = T.self) throws(Mismatch) -> T {
    let parameters: T
    do {
      parameters = try JSONDecoder().decode(T.self, from: JSONEncoder().encode(self))
    } catch DecodingError.keyNotFound(let key, _) {
      throw Mismatch(description: "the parameter \(key.stringValue) is missing")
    } catch DecodingError.typeMismatch(_, let context) {
      throw Mismatch(description: "the parameter \(context.path) has a value of the wrong type")
    } catch {
      throw Mismatch(description: "\(error)")
    }
    let known = (try? ParameterValues(parameters))?.values ?? [:]
    if let name = values.keys.filter({ known[$0] == nil }).min() {
      throw Mismatch(description: "there is no parameter \(name)")
    }
    return parameters
  }

  /// Why values are not those of a kernel.
  struct Mismatch: Error, CustomStringConvertible {
    let description: String
  }
}

extension ParameterValues: CustomStringConvertible {
  /// `blockM 8, rows 14`; a dash where there are none.
  package var description: String {
    guard !values.isEmpty else { return "–" }
    return values.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}

extension ParameterValues.Value: CustomStringConvertible {
  package var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .boolean(let value): "\(value)"
    case .word(let value): value
    }
  }
}

extension ParameterValues: Codable {
  package init(from decoder: any Decoder) throws {
    values = try decoder.singleValueContainer().decode([String: Value].self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(values)
  }
}

extension ParameterValues.Value: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(String.self) {
      self = .word(value)
    } else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a parameter is a whole number, true, false or a word")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let value): try container.encode(value)
    case .boolean(let value): try container.encode(value)
    case .word(let value): try container.encode(value)
    }
  }
}

extension DecodingError.Context {
  /// Where in a JSON text the context is: `entries[3].parameters.rows`.
  var path: String {
    codingPath.reduce(into: "") { path, key in
      if let index = key.intValue { path += "[\(index)]" } else { path += (path.isEmpty ? "" : ".") + key.stringValue }
    }
  }
}
