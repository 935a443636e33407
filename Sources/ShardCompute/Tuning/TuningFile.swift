// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The tuned parameters of a device, as a JSON text holds them: an object with `schema`, `device` and `entries`.
package struct TuningFile: Hashable, Sendable {
  /// Name and version of the format.
  package static let schema = "shardcl.tuning/1"

  /// What was measured on.
  package let device: TunedDevice
  /// What was measured, each key once.
  package var entries: [TuningEntry]

  package init(device: TunedDevice, entries: [TuningEntry] = []) {
    self.device = device
    self.entries = entries
  }

  /// Reads a text.
  ///
  /// - Throws: `ComputeError.tuningFile` with the name of the file and of the field at fault.
  package init(parsing text: Data, file: String) throws {
    let contents: Contents
    do {
      let decoder = JSONDecoder()
      let schema = try decoder.decode(Header.self, from: text).schema
      guard schema == Self.schema else {
        throw ComputeError.tuningFile(
          file: file, field: "schema",
          reason: "is \(schema); this shardcl reads \(Self.schema), so update it or move the file away")
      }
      contents = try decoder.decode(Contents.self, from: text)
    } catch let error as DecodingError {
      throw ComputeError.tuningFile(file: file, error)
    }
    var keys: Set<TuningEntry.Key> = []
    for (index, entry) in contents.entries.enumerated() {
      if let field = entry.wrongSize {
        throw ComputeError.tuningFile(
          file: file, field: "entries[\(index)].\(field.name)",
          reason: "is \(field.size); classes of shapes have powers of two from \(field.possible.lowerBound) to "
            + "\(field.possible.upperBound)")
      }
      guard keys.insert(entry.key).inserted else {
        throw ComputeError.tuningFile(
          file: file, field: "entries[\(index)]",
          reason: "repeats \(entry.key); an entry is for one class of one kernel")
      }
    }
    device = contents.device
    entries = contents.entries
  }

  /// The text: keys in alphabetical order, one entry a line, sorted by kernel, format and sizes.
  package func text() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    func line(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
    let lines = try entries.sorted { $0.key < $1.key }.map { "    " + (try line($0)) }
    let list = lines.isEmpty ? "[]" : "[\n\(lines.joined(separator: ",\n"))\n  ]"
    return Data(
      "{\n  \"device\": \(try line(device)),\n  \"entries\": \(list),\n  \"schema\": \"\(Self.schema)\"\n}\n".utf8)
  }

  private struct Header: Decodable {
    let schema: String
  }

  private struct Contents: Decodable {
    let device: TunedDevice
    let entries: [TuningEntry]
  }
}

extension TuningEntry {
  /// The first size that is none of a class.
  fileprivate var wrongSize: (name: String, size: Int, possible: ClosedRange<Int>)? {
    let nearest = ShapeClass(m: m, n: n, k: k, format: .f32)
    if m != nearest.m { return ("m", m, ShapeClass.smallest.m...ShapeClass.largest.m) }
    if n != nearest.n { return ("n", n, ShapeClass.smallest.n...ShapeClass.largest.n) }
    if k != nearest.k { return ("k", k, ShapeClass.smallest.k...ShapeClass.largest.k) }
    return nil
  }
}

extension TuningEntry.Key: Comparable {
  /// By kernel, format, m, n and k.
  package static func < (left: Self, right: Self) -> Bool {
    (left.kernel, left.format, left.m, left.n, left.k) < (right.kernel, right.format, right.m, right.n, right.k)
  }
}

extension ComputeError {
  /// What a decoder says of `file`, with the field.
  fileprivate static func tuningFile(file: String, _ error: DecodingError) -> ComputeError {
    func field(_ context: DecodingError.Context, _ key: String? = nil) -> String {
      let path = context.path + (key.map { context.path.isEmpty ? $0 : ".\($0)" } ?? "")
      return path.isEmpty ? "the text" : path
    }
    switch error {
    case .keyNotFound(let key, let context):
      return .tuningFile(file: file, field: field(context, key.stringValue), reason: "is missing")
    case .typeMismatch(let type, let context):
      return .tuningFile(file: file, field: field(context), reason: "is not of type \(type)")
    case .valueNotFound(let type, let context):
      return .tuningFile(file: file, field: field(context), reason: "is null, not of type \(type)")
    case .dataCorrupted(let context):
      let reason = context.underlyingError.map { "\($0)" } ?? context.debugDescription
      return .tuningFile(file: file, field: field(context), reason: "is not valid: \(reason)")
    @unknown default: return .tuningFile(file: file, field: "the text", reason: "is not valid: \(error)")
    }
  }
}
