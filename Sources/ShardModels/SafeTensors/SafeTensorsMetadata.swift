// SPDX-License-Identifier: Apache-2.0

/// The texts under `__metadata__` in the header of a safetensors file.
public struct SafeTensorsMetadata: Sendable {
  /// The keys, in the file's order.
  public private(set) var keys: [String] = []
  private var texts: [ExactString: String] = [:]

  /// The text of `key`, compared byte for byte, or nil.
  public subscript(key: String) -> String? { texts[ExactString(key)] }

  /// Adds a text, unless there is one under this key.
  mutating func add(_ key: String, _ text: String) {
    guard self[key] == nil else { return }
    keys.append(key)
    texts[ExactString(key)] = text
  }
}
