// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Prints at once, also into a pipe.
package func emit(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

/// Prints a message to standard error, under the program's name.
package func warn(_ program: String, _ text: String) {
  FileHandle.standardError.write(Data("\(program): \(text)\n".utf8))
}

extension Encodable {
  /// One line of JSON with snake_case keys.
  package var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
