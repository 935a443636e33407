// SPDX-License-Identifier: Apache-2.0

@testable import ShardModels

/// GGUF files that have broken other readers, by number of the case.
enum MalformedGGUF {
  static var all: [MalformedFile] {
    cutHeaders + hugeCounts + hugeLengths + wrappingShapes + wrappingSizes + dimensionCounts + alignments + offsets
      + unknownTypes + brokenBlocks + repeatedNames + modelShapes + missingTensors + otherFormats
  }

  static var cutHeaders: [MalformedFile] {
    let whole = GGUFBuilder.small.bytes
    return whole.indices.map { count in
      MalformedFile("cut to \(count)", gguf: Array(whole[..<count]), field: "", value: "", limit: "")
    } + [
      MalformedFile("empty", gguf: [], field: "magic", value: "\"\"", limit: "GGUF"),
      MalformedFile(
        "magic alone", gguf: Array("GGUF".utf8), field: "version", value: "4 bytes", limit: "ends at byte 4"),
    ]
  }

  static var hugeCounts: [MalformedFile] {
    [1 << 60, 1 << 59 + 1, .max, 1 << 63].flatMap { (count: UInt64) in
      [
        MalformedFile(
          "\(count) tensors", gguf: GGUFBuilder.small { $0.tensorCount = count }, field: "tensor count",
          value: "\(count)", limit: "bytes left hold at most"),
        MalformedFile(
          "\(count) keys", gguf: GGUFBuilder.small { $0.keyCount = count }, field: "key count", value: "\(count)",
          limit: "bytes left hold at most"),
      ]
    }
  }

  static var hugeLengths: [MalformedFile] {
    let fileSize = UInt64(GGUFBuilder.small.bytes.count)
    var cases: [MalformedFile] = []
    for length in [UInt64.max, 1 << 63, fileSize + 1] {
      let strings: [(String, [UInt8])] = [
        ("key 0", length.bytes + Array("key".utf8)),
        ("value of \"key\"", GGUFBuilder.string("key") + GGUFValueType.string.rawValue.bytes + length.bytes),
      ]
      for (field, key) in strings {
        cases.append(
          MalformedFile(
            "\(field) of \(length)", gguf: GGUFBuilder.small { $0.keys = [key] }, field: "length of \(field)",
            value: "\(length)", limit: "bytes left hold at most"))
      }
      cases.append(
        MalformedFile(
          "tensor name of \(length)", gguf: GGUFBuilder.small { $0.tensors = [length.bytes] },
          field: "length of name of tensor 0", value: "\(length)", limit: "bytes left hold at most"))
    }
    let arrays: [(GGUFValueType, UInt64)] = [
      (.uint64, 1 << 61 + 1), (.uint8, .max), (.uint32, 1 << 62), (.string, 1 << 60), (.array, 1 << 59),
    ]
    for (type, count) in arrays {
      cases.append(
        MalformedFile(
          "array of \(count) \(type)",
          gguf: GGUFBuilder.small { $0.key("list", .array, type.rawValue.bytes + count.bytes) },
          field: "count of value of \"list\"", value: "\(count)", limit: "bytes left hold at most"))
    }
    return cases
  }

  static var wrappingShapes: [MalformedFile] {
    let far = "tensor data"
    return [
      MalformedFile(
        "2^42 + 1 × 1152", gguf: GGUFBuilder.one([1152, 1 << 42 + 1]), field: "end of tensor \"weight\"",
        value: "20266198323171840", limit: far),
      MalformedFile(
        "product 2^64 + 4", gguf: GGUFBuilder.one([1 << 62, 4, 1, 1]), field: "shape of tensor \"weight\"",
        value: "[1, 1, 4, 4611686018427387904]", limit: "below 2^63"),
      MalformedFile(
        "outer product wraps", gguf: GGUFBuilder.one([1, 1 << 32, 1 << 32, 1]), field: "shape", value: "4294967296",
        limit: "below 2^63"),
      MalformedFile(
        "blocks wrap", gguf: GGUFBuilder.one([1 << 62, 1 << 6], type: 8), field: "shape", value: "4611686018427387904",
        limit: "below 2^63"),
      MalformedFile(
        "no elements, a row wraps", gguf: GGUFBuilder.one([1 << 62, 0]), field: "shape",
        value: "4611686018427387904", limit: "below 2^63"),
      MalformedFile(
        "no elements, rows wrap", gguf: GGUFBuilder.one([0, 1 << 62, 1 << 62]), field: "shape",
        value: "4611686018427387904", limit: "below 2^63"),
    ]
  }

  static var wrappingSizes: [MalformedFile] {
    var twoHuge = GGUFBuilder.small
    twoHuge.tensors = []
    twoHuge.tensor("a", [1 << 60 - 8])
    twoHuge.tensor("b", [1 << 60 - 8], offset: 1 << 62 - 32)
    return [
      MalformedFile(
        "2^64 - 4 bytes", gguf: GGUFBuilder.one([1 << 62 - 1]), field: "shape", value: "4611686018427387903",
        limit: "below 2^63"),
      MalformedFile(
        "2^63 - 4 bytes", gguf: GGUFBuilder.one([1 << 61 - 1]), field: "end of tensor", value: "9223372036854775804",
        limit: "128 bytes of tensor data"),
      MalformedFile(
        "sizes that add up to 2^63", gguf: twoHuge.bytes, field: "end of tensor \"a\"", value: "4611686018427387872",
        limit: "128 bytes of tensor data"),
    ]
  }

  static var dimensionCounts: [MalformedFile] {
    [5, 255, UInt32.max].map { (count: UInt32) in
      MalformedFile(
        "\(count) dimensions",
        gguf: GGUFBuilder.small {
          let dimensions = (0..<min(count, 300)).flatMap { _ in UInt64(1).bytes }
          $0.tensors = [GGUFBuilder.string("weight") + count.bytes + dimensions + UInt32(0).bytes + UInt64(0).bytes]
        },
        field: "number of dimensions of tensor \"weight\"", value: "\(count)", limit: "at most 4")
    }
      + [UInt64.max, 1 << 63].map { dimension in
        MalformedFile(
          "dimension \(dimension)", gguf: GGUFBuilder.one([4, dimension]), field: "dimension 1 of tensor \"weight\"",
          value: "\(dimension)", limit: "below 2^63")
      }
  }

  static var alignments: [MalformedFile] {
    func aligned(_ type: GGUFValueType, _ value: [UInt8]) -> [UInt8] {
      GGUFBuilder.small { $0.key("general.alignment", type, value) }
    }
    return [0, 3, 1 << 31].map { (value: UInt32) in
      MalformedFile(
        "alignment \(value)", gguf: aligned(.uint32, value.bytes), field: "general.alignment", value: "\(value)",
        limit: "power of two")
    }
      + [
        (GGUFValueType.int32, Int32(32).bytes), (.string, GGUFBuilder.string("32")), (.uint64, UInt64(32).bytes),
        (.array, GGUFValueType.uint32.rawValue.bytes + UInt64(0).bytes),
      ].map { type, value in
        MalformedFile(
          "alignment of type \(type)", gguf: aligned(type, value), field: "general.alignment", value: "\(type)",
          limit: "uint32")
      }
  }

  static var offsets: [MalformedFile] {
    let past: [(UInt64, String)] = [
      (32, "32 + 128"), (1 << 62, "+ 128"), (1 << 63, "+ 128"), (UInt64.max - 31, "+ 128"),
    ]
    return past.map { offset, value in
      MalformedFile(
        "offset \(offset)", gguf: GGUFBuilder.one([4, 8], offset: offset), field: "end of tensor \"weight\"",
        value: value, limit: "the file has 128 bytes of tensor data")
    } + [
      MalformedFile(
        "offset 16", gguf: GGUFBuilder.one([4], offset: 16), field: "offset of tensor \"weight\"", value: "16",
        limit: "multiple of the alignment, 32"),
      MalformedFile(
        "cut by one block", gguf: GGUFBuilder.one([32, 4], type: 8), field: "end of tensor \"weight\"", value: "136",
        limit: "128 bytes of tensor data"),
      MalformedFile(
        "no data at all", gguf: GGUFBuilder.small.header, field: "end of tensor \"weight\"", value: "0 + 128",
        limit: "0 bytes of tensor data"),
    ]
  }

  static var unknownTypes: [MalformedFile] {
    var deep: [UInt8] = []
    for _ in 0..<1000 { deep += GGUFValueType.array.rawValue.bytes + UInt64(1).bytes }
    deep += GGUFValueType.uint8.rawValue.bytes + UInt64(1).bytes + [0]
    return [4, 16, 31, UInt32.max].map { type in
      MalformedFile(
        "tensor type \(type)", gguf: GGUFBuilder.one([4, 8], type: type), kind: .unsupported,
        field: "type of tensor \"weight\"", value: "\(type)", limit: "IQ4_XS")
    }
      + [13, UInt32.max].flatMap { type in
        [
          MalformedFile(
            "value type \(type)", gguf: GGUFBuilder.small { $0.keys.append(GGUFBuilder.string("odd") + type.bytes) },
            field: "type of value of \"odd\"", value: "\(type)", limit: "0 to 12"),
          MalformedFile(
            "element type \(type)",
            gguf: GGUFBuilder.small { $0.key("odd", .array, type.bytes + UInt64(0).bytes) },
            field: "type of elements of value of \"odd\"", value: "\(type)", limit: "0 to 12"),
        ]
      } + [
        MalformedFile(
          "arrays 1,000 deep", gguf: GGUFBuilder.small { $0.key("deep", .array, deep) },
          field: "depth of value of \"deep\"", value: "over 8", limit: "8 deep")
      ]
  }

  static var brokenBlocks: [MalformedFile] {
    let rows: [(UInt64, UInt32, String)] = [
      (33, 8, "32"), (31, 2, "32"), (255, 12, "256"), (32, 14, "256"), (16, 20, "32"),
    ]
    return rows.map { length, type, block in
      MalformedFile(
        "row of \(length) in type \(type)", gguf: GGUFBuilder.one([length], type: type),
        field: "row length of tensor \"weight\"", value: "\(length)", limit: "blocks of \(block) elements")
    }
  }

  static var repeatedNames: [MalformedFile] {
    [
      MalformedFile(
        "two tensors of one name",
        gguf: GGUFBuilder.small {
          $0.tensor("weight", [4], offset: 128)
          $0.dataByteCount = 144
        },
        field: "tensor 1", value: "\"weight\"", limit: "unique"),
      MalformedFile(
        "overlapping tensors", gguf: GGUFBuilder.small { $0.tensor("inside", [4], offset: 96) },
        field: "first byte of tensor \"inside\"", value: "", limit: "must not overlap"),
      MalformedFile(
        "two tensors in one place", gguf: GGUFBuilder.small { $0.tensor("twin", [4, 8]) }, field: "first byte",
        value: "", limit: "must not overlap"),
      MalformedFile(
        "empty key", gguf: GGUFBuilder.small { $0.key("", 1) }, field: "key 1", value: "0 bytes", limit: "1 to"),
      MalformedFile(
        "same key twice", gguf: GGUFBuilder.small { $0.key("general.name", 1) }, field: "key 1",
        value: "\"general.name\"", limit: "unique"),
      MalformedFile(
        "key that is not UTF-8",
        gguf: GGUFBuilder.small { $0.keys.append(UInt64(2).bytes + [0xc3, 0x28] + UInt32(0).bytes + [0]) },
        field: "key 1", value: "(", limit: "UTF-8"),
      MalformedFile(
        "tensor without a name", gguf: GGUFBuilder.small { $0.tensor("", [1], offset: 0) }, field: "name of tensor 1",
        value: "0 bytes", limit: "1 to"),
    ]
  }

  static var modelShapes: [MalformedFile] {
    let fields: [(String, UInt32, String)] = [
      ("block_count", 0, "1 to 512"), ("block_count", 513, "1 to 512"), ("block_count", .max, "1 to 512"),
      ("attention.head_count", 0, "1 to"), ("attention.head_count", .max, "1 to"),
      ("attention.head_count_kv", 0, "1 to"),
      ("attention.head_count_kv", 3, "must divide llama.attention.head_count, 2"),
      ("attention.key_length", 0, "1 to"), ("attention.value_length", 0, "1 to"), ("embedding_length", 0, "1 to"),
    ]
    return fields.map { field, value, limit in
      MalformedFile(
        "\(field) \(value)", gguf: TinyModel.gguf { $0["llama.\(field)"] = value }, field: "llama.\(field)",
        value: "\(value)", limit: limit, use: { _ = try $0.linearLayers() })
    } + [
      MalformedFile(
        "head count that is no number",
        gguf: TinyModel.builder {
          $0["llama.attention.head_count"] = nil
        }.adding { $0.key("llama.attention.head_count", "two") }.bytes,
        field: "llama.attention.head_count", value: "string", limit: "whole number", use: { _ = try $0.linearLayers() }),
      MalformedFile(
        "head size that the weights do not have", gguf: TinyModel.gguf { $0["llama.attention.key_length"] = 3 },
        field: "rows of tensor \"blk.0.attn_q.weight\"", value: "8", limit: "makes it 6",
        use: { _ = try $0.linearLayers() }),
    ]
  }

  static var missingTensors: [MalformedFile] {
    ["blk.1.ffn_down.weight", "blk.0.attn_k.weight", "token_embd.weight"].map { name in
      MalformedFile(
        "without \(name)", gguf: TinyModel.gguf(without: name), kind: .missing, field: "tensor \"\(name)\"",
        value: "absent", limit: "a model of 2 layers needs it", use: { _ = try $0.linearLayers() })
    } + [
      MalformedFile(
        "tensor that is asked for", gguf: GGUFBuilder.small.bytes, kind: .missing, field: "tensor \"other\"",
        value: "absent", limit: "1 tensors", use: { _ = try $0.tensor("other") })
    ]
  }

  static var otherFormats: [MalformedFile] {
    var bigEndian = GGUFBuilder.small
    bigEndian.version = UInt32(3).byteSwapped
    return [
      MalformedFile(
        "HTML page", gguf: Array("<!DOCTYPE html><html><head></head></html>".utf8), field: "magic", value: "\"<!DO\"",
        limit: "begins with \"GGUF\""),
      MalformedFile(
        "big-endian", gguf: bigEndian.bytes, kind: .unsupported, field: "byte order", value: "big-endian",
        limit: "little-endian"),
    ]
      + [0, 1, 4, UInt32.max].map { version in
        MalformedFile(
          "version \(version)", gguf: GGUFBuilder.small { $0.version = version }, kind: .unsupported,
          field: "GGUF version", value: "\(version)", limit: "2 and 3")
      }
  }
}
