// SPDX-License-Identifier: Apache-2.0

/// A string that equals another only byte for byte.
///
/// Swift's `String` holds canonically equivalent texts equal (`à` has two spellings), so as the key of a dictionary it
/// would merge names, and tokens of a vocabulary, that a file keeps apart.
package struct ExactString: Hashable, Sendable {
  /// The text.
  package private(set) var string: String

  /// Wraps `string`.
  package init(_ string: String) {
    self.string = string
    self.string.makeContiguousUTF8()
  }

  package static func == (a: ExactString, b: ExactString) -> Bool {
    a.string.utf8.elementsEqual(b.string.utf8)
  }

  package func hash(into hasher: inout Hasher) {
    // Always available: `init` has made the bytes contiguous.
    string.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
