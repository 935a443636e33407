// SPDX-License-Identifier: Apache-2.0

/// Reads the header of one safetensors file: eight bytes with its length, then JSON, then the tensors without gaps.
///
/// Format: https://github.com/huggingface/safetensors#format, with every check of its reference implementation.
struct SafeTensorsReader {
  /// The longest header that is read, as in the reference implementation.
  static let headerByteLimit = 100_000_000
  static let tensorLimit = 1 << 18

  private(set) var metadata = SafeTensorsMetadata()
  private(set) var tensors: [WeightTensor] = []

  init(_ file: MappedFile) throws {
    let headerByteCount = try Self.headerByteCount(file)
    let dataStart = 8 + headerByteCount
    let header = try file.withBytes(in: 8..<dataStart) { Array($0) }
    // Spaces may follow the header, to align what comes after it, but not precede it.
    guard header.first == UInt8(ascii: "{") else {
      throw ModelFileError(
        .malformed, file: file.path, field: "first byte of the header", value: quoted(bytes: header.prefix(1)),
        limit: "it must be \"{\"")
    }
    var scanner = JSONScanner(header, file: file.path, subject: "header")
    var entries: [TensorEntry] = []
    try scanner.object { scanner, key in
      if key == "__metadata__" {
        try readMetadata(&scanner)
        return
      }
      guard entries.count < Self.tensorLimit else {
        throw scanner.malformed("tensor count", "over \(entries.count)", "at most \(Self.tensorLimit) are read")
      }
      entries.append(try TensorEntry(&scanner, name: key, dataByteCount: file.byteCount - dataStart))
    }
    try scanner.end()
    try Self.checkCoverage(entries, file: file, dataByteCount: file.byteCount - dataStart)
    tensors = entries.map {
      WeightTensor(name: $0.name, layout: $0.layout, firstByte: dataStart + $0.range.lowerBound, file: file)
    }
  }

  /// Whether the first bytes look like a safetensors file: a possible length, then `{`.
  static func recognises(_ file: MappedFile) -> Bool {
    guard (try? headerByteCount(file)) != nil else { return false }
    return (try? file.withBytes(in: 8..<9) { $0[0] == UInt8(ascii: "{") }) ?? false
  }

  private static func headerByteCount(_ file: MappedFile) throws -> Int {
    func malformed(_ value: String, _ limit: String) -> ModelFileError {
      ModelFileError(.malformed, file: file.path, field: "header length", value: value, limit: limit)
    }
    guard file.byteCount >= 8 else { throw malformed("cut", "the file has \(file.byteCount) bytes, it takes 8") }
    let value = try file.withBytes(in: 0..<8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    let limit = min(headerByteLimit, file.byteCount - 8)
    guard let count = Int(exactly: value), (2...max(2, limit)).contains(count), count <= limit else {
      throw malformed("\(value)", "it must be 2 to \(limit) in a file of \(file.byteCount) bytes")
    }
    return count
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner) throws {
    guard try scanner.nextKind() == .object else {
      throw scanner.malformed("__metadata__", "of kind \(try scanner.nextKind())", "it must be an object of strings")
    }
    try scanner.object { scanner, key in
      let kind = try scanner.nextKind()
      guard kind == .string else {
        throw scanner.malformed("__metadata__ \(quoted(key))", "of kind \(kind)", "it must be a string")
      }
      metadata.add(key, try scanner.string())
    }
  }

  /// Checks that the tensors follow each other without overlap or hole and fill the file.
  private static func checkCoverage(_ entries: [TensorEntry], file: MappedFile, dataByteCount: Int) throws {
    var expected = 0
    let ordered = entries.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    for entry in ordered {
      guard entry.range.lowerBound == expected else {
        throw ModelFileError(
          .malformed, file: file.path, field: "begin of tensor \(quoted(entry.name))",
          value: "\(entry.range.lowerBound)",
          limit: "the tensor before it ends at \(expected), and there must be no overlap and no hole")
      }
      expected = entry.range.upperBound
    }
    guard expected == dataByteCount else {
      throw ModelFileError(
        .malformed, file: file.path, field: "end of the last tensor", value: "\(expected)",
        limit: "the file has \(dataByteCount) bytes of tensor data, and all must belong to a tensor")
    }
  }
}

/// What the header says of a tensor.
private struct TensorEntry {
  let name: String
  let layout: TensorLayout
  let range: Range<Int>

  init(_ scanner: inout JSONScanner, name: String, dataByteCount: Int) throws {
    var type: TensorType?
    var shape: [Int]?
    var offsets: [Int]?
    let field = "of tensor \(quoted(name))"
    guard try scanner.nextKind() == .object else {
      throw scanner.malformed("entry \(field)", "of kind \(try scanner.nextKind())", "it must be an object")
    }
    try scanner.object { scanner, key in
      switch key {
      case "dtype": type = try Self.type(&scanner, field)
      case "shape": shape = try Self.integers(&scanner, "shape \(field)", atMost: .max)
      case "data_offsets": offsets = try Self.integers(&scanner, "data_offsets \(field)", atMost: dataByteCount)
      default: try scanner.skipValue()
      }
    }
    guard let type, let shape, let offsets else {
      let absent = type == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw scanner.malformed("\(absent) \(field)", "absent", "a tensor has dtype, shape and data_offsets")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw scanner.malformed("data_offsets \(field)", "\(offsets.prefix(8))", "they must be begin and end, in order")
    }
    self.name = name
    range = offsets[0]..<offsets[1]
    layout = try TensorLayout(type: type, shape: shape, name: name, file: scanner.file)
    guard layout.byteCount == range.count else {
      throw scanner.malformed(
        "data_offsets \(field)", "\(offsets)", "\(shape) of \(type.rawValue) is \(layout.byteCount) bytes")
    }
  }

  private static func type(_ scanner: inout JSONScanner, _ field: String) throws -> TensorType {
    let name = try scanner.string()
    guard let type = TensorType(safeTensors: name) else {
      throw ModelFileError(
        .unsupported, file: scanner.file, field: "dtype \(field)", value: quoted(name),
        limit: "F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I8 to I64, U8 to U64 and BOOL are read")
    }
    return type
  }

  private static func integers(_ scanner: inout JSONScanner, _ field: String, atMost limit: Int) throws -> [Int] {
    var result: [Int] = []
    guard try scanner.nextKind() == .array else {
      throw scanner.malformed(field, "of kind \(try scanner.nextKind())", "it must be an array")
    }
    try scanner.array { scanner in
      guard result.count < 16 else { throw scanner.malformed(field, "over 16 numbers", "at most 16 are read") }
      result.append(try scanner.integer(in: 0...limit, "a number of \(field)"))
    }
    return result
  }
}
