// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import ShardModels

/// A folder that is removed when the test lets go of it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("shardcl-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and gives its path.
  @discardableResult
  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let path = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
}

/// What opening a file of these bytes throws; nil if it opens. Another kind of error fails the test.
func errorOpening(_ bytes: [UInt8], as name: String) throws -> ModelFileError? {
  let folder = try TemporaryFolder()
  let path = try folder.write(name, bytes)
  do {
    _ = try ModelFile.open(path)
    return nil
  } catch let error as ModelFileError {
    return error
  }
}
