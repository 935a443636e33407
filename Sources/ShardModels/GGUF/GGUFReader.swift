// SPDX-License-Identifier: Apache-2.0

/// Reads the header of a GGUF file, version 2 or 3, little-endian.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Holes between tensors and after the last are
/// accepted; everything else that the text demands is checked.
struct GGUFReader {
  /// The first four bytes.
  static let magic = Array("GGUF".utf8)
  /// Limits far above any model's, so that a small file cannot make us build large tables.
  static let keyLimit = 1 << 16
  static let tensorLimit = 1 << 18
  static let nameByteLimit = 1024
  static let dimensionLimit = 4
  static let alignmentLimit = 1 << 30

  let version: Int
  let metadata: GGUFMetadata
  let tensors: [WeightTensor]

  init(_ file: MappedFile) throws {
    self = try file.withBytes(in: 0..<file.byteCount) { bytes in
      try GGUFReader(GGUFCursor(bytes, file: file.path), file)
    }
  }

  private init(_ start: GGUFCursor, _ file: MappedFile) throws {
    var cursor = start
    version = try Self.version(&cursor)
    // A tensor is a name's length and a byte of it, the number of dimensions, type and offset; a key has a value.
    let tensorCount = try cursor.count(ofAtLeast: 8 + 1 + 4 + 4 + 8, limit: Self.tensorLimit, "tensor count")
    let keyCount = try cursor.count(ofAtLeast: 8 + 1 + 4 + 1, limit: Self.keyLimit, "key count")
    metadata = try Self.metadata(&cursor, keyCount, file)
    let alignment = try Self.alignment(metadata)

    var headers: [TensorHeader] = []
    for index in 0..<tensorCount { headers.append(try TensorHeader(&cursor, index)) }
    let (padded, overflow) = cursor.offset.addingReportingOverflow(alignment - 1)
    let dataStart = overflow ? Int.max : padded & ~(alignment - 1)
    tensors = try headers.map { try $0.placed(in: file, dataStart: dataStart, alignment: alignment) }
  }

  private static func version(_ cursor: inout GGUFCursor) throws -> Int {
    guard cursor.bytes.starts(with: magic) else {
      throw cursor.malformed("magic", quoted(bytes: cursor.bytes.prefix(4)), "a GGUF file begins with \"GGUF\"")
    }
    _ = try cursor.integer("magic", as: UInt32.self)
    let version: UInt32 = try cursor.integer("version")
    if version & 0xffff == 0, version != 0 {
      throw ModelFileError(
        .unsupported, file: cursor.file, field: "byte order", value: "big-endian",
        limit: "convert the file to little-endian (gguf_convert_endian.py of the gguf package)")
    }
    guard version == 2 || version == 3 else {
      throw ModelFileError(
        .unsupported, file: cursor.file, field: "GGUF version", value: "\(version)", limit: "versions 2 and 3 are read")
    }
    return Int(version)
  }

  private static func metadata(_ cursor: inout GGUFCursor, _ count: Int, _ file: MappedFile) throws -> GGUFMetadata {
    var keys: [String] = []
    var entries: [ExactString: GGUFMetadata.Entry] = [:]
    for index in 0..<count {
      let key = try cursor.name("key \(index)")
      let type = try cursor.valueType("value of \(quoted(key))")
      let start = cursor.offset
      try cursor.skipValue(type, "value of \(quoted(key))")
      let entry = GGUFMetadata.Entry(type: type, byteRange: start..<cursor.offset)
      guard entries.updateValue(entry, forKey: ExactString(key)) == nil else {
        throw cursor.malformed("key \(index)", quoted(key), "keys must be unique")
      }
      keys.append(key)
    }
    return GGUFMetadata(keys: keys, entries: entries, file: file)
  }

  private static func alignment(_ metadata: GGUFMetadata) throws -> Int {
    let key = "general.alignment"
    func malformed(_ value: String, _ limit: String) -> ModelFileError {
      ModelFileError(.malformed, file: metadata.path, field: key, value: value, limit: limit)
    }
    guard let type = metadata.type(of: key) else { return 32 }
    guard type == .uint32 else { throw malformed("of type \(type)", "it must be a uint32") }
    let value = try metadata.integer(key) ?? 0
    guard (1...alignmentLimit).contains(value), value & (value - 1) == 0 else {
      throw malformed("\(value)", "it must be a power of two up to \(alignmentLimit)")
    }
    return value
  }
}

/// What the header says of a tensor, before its place in the file is known.
private struct TensorHeader {
  let name: String
  let layout: TensorLayout
  let offset: UInt64

  init(_ cursor: inout GGUFCursor, _ index: Int) throws {
    name = try cursor.name("name of tensor \(index)")
    let field = "of tensor \(quoted(name))"
    let dimensionCount: UInt32 = try cursor.integer("number of dimensions \(field)")
    guard dimensionCount <= GGUFReader.dimensionLimit else {
      throw cursor.malformed(
        "number of dimensions \(field)", "\(dimensionCount)", "at most \(GGUFReader.dimensionLimit) are possible")
    }
    var shape: [Int] = []
    for axis in 0..<dimensionCount {
      let dimension: UInt64 = try cursor.integer("dimension \(axis) \(field)")
      guard let dimension = Int(exactly: dimension) else {
        throw cursor.malformed("dimension \(axis) \(field)", "\(dimension)", "it must be below 2^63")
      }
      shape.insert(dimension, at: 0)
    }
    let number: UInt32 = try cursor.integer("type \(field)")
    guard let type = TensorType(ggml: number) else {
      throw ModelFileError(
        .unsupported, file: cursor.file, field: "type \(field)", value: "\(number)",
        limit: "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS, F64 and I8 to I64 are read")
    }
    layout = try TensorLayout(type: type, shape: shape, name: name, file: cursor.file)
    offset = try cursor.integer("offset \(field)")
  }

  func placed(in file: MappedFile, dataStart: Int, alignment: Int) throws -> WeightTensor {
    func malformed(_ field: String, _ value: String, _ limit: String) -> ModelFileError {
      ModelFileError(
        .malformed, file: file.path, field: "\(field) of tensor \(quoted(name))", value: value, limit: limit)
    }
    guard offset.isMultiple(of: UInt64(alignment)) else {
      throw malformed("offset", "\(offset)", "it must be a multiple of the alignment, \(alignment)")
    }
    let available = max(0, file.byteCount - dataStart)
    guard layout.byteCount <= available, offset <= UInt64(available - layout.byteCount) else {
      throw malformed(
        "end", "\(offset) + \(layout.byteCount)",
        "the file has \(available) bytes of tensor data (from byte \(dataStart) to \(file.byteCount))")
    }
    // An empty tensor may be said to lie where the data would begin in a file that ends before.
    return WeightTensor(name: name, layout: layout, firstByte: min(dataStart, file.byteCount) + Int(offset), file: file)
  }
}

extension GGUFCursor {
  /// Reads the name of a key or a tensor.
  fileprivate mutating func name(_ field: @autoclosure () -> String) throws -> String {
    let name = try string(field())
    guard (1...GGUFReader.nameByteLimit).contains(name.utf8.count) else {
      throw malformed(
        field(), "\(name.utf8.count) bytes long", "names have 1 to \(GGUFReader.nameByteLimit) bytes")
    }
    return name
  }
}
