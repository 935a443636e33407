// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ShardModels

/// Files that must be refused, and what the error has to say.
struct MalformedFile {
  let name: String
  let files: [(name: String, bytes: [UInt8])]
  let kind: ModelFileError.Kind
  /// Parts of the error's texts; where it is empty, any text will do.
  let field: String
  let value: String
  let limit: String
  /// What is done with the opened file, if opening is to succeed.
  var use: (ModelFile) throws -> Void = { _ in }

  /// One GGUF file.
  init(
    _ name: String, gguf bytes: [UInt8], kind: ModelFileError.Kind = .malformed, field: String, value: String,
    limit: String, use: @escaping (ModelFile) throws -> Void = { _ in }
  ) {
    self.init(name, files: [("model.gguf", bytes)], kind: kind, field: field, value: value, limit: limit, use: use)
  }

  /// Several files, the first of which is opened.
  init(
    _ name: String, files: [(String, [UInt8])], kind: ModelFileError.Kind = .malformed, field: String, value: String,
    limit: String, use: @escaping (ModelFile) throws -> Void = { _ in }
  ) {
    self.name = name
    self.files = files
    self.kind = kind
    self.field = field
    self.value = value
    self.limit = limit
    self.use = use
  }

  /// Opens and uses it in a folder of its own.
  func tryOut() throws {
    let folder = try TemporaryFolder()
    let paths = try files.map { try folder.write($0.name, $0.bytes) }
    try use(try ModelFile.open(paths.first ?? folder.path))
  }

  /// Expects the error, with everything in it.
  func check(sourceLocation: SourceLocation = #_sourceLocation) {
    do {
      try tryOut()
      Issue.record("\(name) was accepted", sourceLocation: sourceLocation)
    } catch let error as ModelFileError {
      #expect(error.kind == kind, "\(name): \(error)", sourceLocation: sourceLocation)
      #expect(
        field.isEmpty ? !error.field.isEmpty : error.field.contains(field), "\(name): \(error)",
        sourceLocation: sourceLocation)
      #expect(
        value.isEmpty ? !error.value.isEmpty : error.value.contains(value), "\(name): \(error)",
        sourceLocation: sourceLocation)
      #expect(
        limit.isEmpty ? !error.limit.isEmpty : error.limit.contains(limit), "\(name): \(error)",
        sourceLocation: sourceLocation)
      #expect(!error.file.isEmpty && error.description.contains(error.limit), sourceLocation: sourceLocation)
    } catch {
      Issue.record("\(name) threw \(error)", sourceLocation: sourceLocation)
    }
  }
}
