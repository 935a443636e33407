// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One JSON object per line, keys in alphabetical order.
struct JSONLines {
  private let encoder: JSONEncoder

  init() {
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  }

  /// The line of `record`.
  func line(_ record: some Encodable) throws -> String {
    String(decoding: try encoder.encode(record), as: UTF8.self)
  }
}
