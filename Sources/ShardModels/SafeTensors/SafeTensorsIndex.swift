// SPDX-License-Identifier: Apache-2.0

/// Reads `model.safetensors.index.json`, which says in which file of its folder each tensor is.
struct SafeTensorsIndex {
  static let byteLimit = 100_000_000

  /// Each tensor with its file, in the text's order.
  private(set) var entries: [(tensor: String, file: String)] = []
  /// Each file once, in the order of first mention.
  private(set) var files: [String] = []

  init(_ file: MappedFile) throws {
    guard file.byteCount <= Self.byteLimit else {
      throw ModelFileError(
        .malformed, file: file.path, field: "index size", value: "\(file.byteCount) bytes",
        limit: "at most \(Self.byteLimit) are read")
    }
    var scanner = JSONScanner(
      try file.withBytes(in: 0..<file.byteCount) { Array($0) }, file: file.path, subject: "index")
    var found = false
    var seen: Set<ExactString> = []
    try scanner.object { scanner, key in
      guard key == "weight_map" else { return try scanner.skipValue() }
      found = true
      try scanner.object { scanner, tensor in
        let name = try scanner.string()
        try Self.check(name, of: tensor, scanner)
        entries.append((tensor, name))
        if seen.insert(ExactString(name)).inserted { files.append(name) }
      }
    }
    try scanner.end()
    guard found else { throw scanner.malformed("weight_map", "absent", "an index maps each tensor to its file") }
  }

  /// A file is named by its bare name: an index must not reach out of its folder.
  private static func check(_ name: String, of tensor: String, _ scanner: JSONScanner) throws {
    let forbidden = name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }
    guard !forbidden, !name.isEmpty, name != ".", name != ".." else {
      throw scanner.malformed(
        "file of tensor \(quoted(tensor))", quoted(name), "it must be the name of a file in the same folder")
    }
  }
}
