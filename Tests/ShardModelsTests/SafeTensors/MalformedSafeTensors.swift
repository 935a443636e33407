// SPDX-License-Identifier: Apache-2.0

@testable import ShardModels

/// Bytes of a safetensors file, right or wrong.
enum SafeTensorsBuilder {
  static func file(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
    file(Array(header.utf8), data: data, length: length)
  }

  static func file(_ header: [UInt8], data: Int, length: UInt64? = nil) -> [UInt8] {
    (length ?? UInt64(header.count)).bytes + header + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
  }

  static func entry(_ name: String, _ offsets: String, type: String = "F32", shape: String = "[2,4]") -> String {
    "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  /// `weight`, 2 × 4 f32.
  static var small: [UInt8] { file("{\(entry("weight", "[0,32]"))}", data: 32) }
}

/// Safetensors files that have broken other readers, by number of the case.
enum MalformedSafeTensors {
  static var all: [MalformedFile] { lengths + offsets + shapes + duplicates + texts + indices }

  private static func one(
    _ name: String, _ header: String, data: Int = 32, kind: ModelFileError.Kind = .malformed, field: String,
    value: String, limit: String
  ) -> MalformedFile {
    MalformedFile(
      name, files: [("model.safetensors", SafeTensorsBuilder.file(header, data: data))], kind: kind, field: field,
      value: value, limit: limit)
  }

  private static func entry(_ name: String, _ offsets: String) -> String { SafeTensorsBuilder.entry(name, offsets) }

  static var lengths: [MalformedFile] {
    let header = "{\(entry("weight", "[0,32]"))}"
    let size = UInt64(header.utf8.count + 32)
    let whole = SafeTensorsBuilder.small
    return [0, 1, .max, 1 << 63, size + 1].map { (length: UInt64) in
      MalformedFile(
        "length \(length)",
        files: [("model.safetensors", SafeTensorsBuilder.file(header, data: 32, length: length))],
        field: "header length", value: "\(length)", limit: "2 to \(size)")
    }
      + whole.indices.map { count in
        MalformedFile(
          "cut to \(count)", files: [("model.safetensors", Array(whole[..<count]))], field: "", value: "", limit: "")
      }
  }

  static var offsets: [MalformedFile] {
    [
      one(
        "overlap", "{\(entry("a", "[0,32]")),\(entry("b", "[16,48]"))}", data: 48, field: "begin of tensor \"b\"",
        value: "16", limit: "ends at 32"),
      one(
        "hole", "{\(entry("a", "[0,32]")),\(entry("b", "[40,72]"))}", data: 72, field: "begin of tensor \"b\"",
        value: "40", limit: "ends at 32"),
      one("hole at the start", "{\(entry("a", "[8,40]"))}", data: 40, field: "begin", value: "8", limit: "ends at 0"),
      one("reversed", "{\(entry("a", "[32,0]"))}", field: "data_offsets", value: "[32, 0]", limit: "in order"),
      one(
        "bytes of no tensor", "{\(entry("a", "[0,32]"))}", data: 40, field: "end of the last tensor", value: "32",
        limit: "40 bytes"),
      one("no tensor at all", "{}", field: "end of the last tensor", value: "0", limit: "32 bytes"),
      one("three numbers", "{\(entry("a", "[0,16,32]"))}", field: "data_offsets", value: "[0, 16, 32]", limit: "begin"),
      one("one number", "{\(entry("a", "[32]"))}", field: "data_offsets", value: "[32]", limit: "begin and end"),
      one("negative", "{\(entry("a", "[-32,0]"))}", field: "data_offsets", value: "-32", limit: "from 0 to 32"),
      one("past the end", "{\(entry("a", "[0,33]"))}", field: "data_offsets", value: "33", limit: "from 0 to 32"),
      one(
        "2^63", "{\(entry("a", "[0,9223372036854775808]"))}", field: "data_offsets", value: "9223372036854775808",
        limit: "from 0 to 32"),
      one("1e400", "{\(entry("a", "[0,1e400]"))}", field: "number", value: "1e400", limit: "1.8e308"),
      one("fraction", "{\(entry("a", "[0,32.0]"))}", field: "data_offsets", value: "32.0", limit: "whole number"),
      one("text", "{\(entry("a", "[0,\"32\"]"))}", field: "data_offsets", value: "string", limit: "whole number"),
      one("no list", "{\(entry("a", "32"))}", field: "data_offsets", value: "number", limit: "array"),
      one(
        "none", "{\"a\":{\"dtype\":\"F32\",\"shape\":[8]}}", field: "data_offsets of tensor \"a\"", value: "absent",
        limit: "dtype, shape and data_offsets"),
    ]
  }

  static var shapes: [MalformedFile] {
    func shaped(
      _ shape: String, type: String = "F32", kind: ModelFileError.Kind = .malformed, field: String, value: String,
      limit: String
    ) -> MalformedFile {
      one(
        "\(shape) of \(type)", "{\(SafeTensorsBuilder.entry("a", "[0,32]", type: type, shape: shape))}", kind: kind,
        field: field, value: value, limit: limit)
    }
    return [
      shaped("[4294967296,4294967296]", field: "shape", value: "4294967296", limit: "below 2^63"),
      shaped("[2305843009213693952,8]", field: "shape", value: "2305843009213693952", limit: "below 2^63"),
      shaped("[2,2,4611686018427387904]", field: "shape", value: "4611686018427387904", limit: "below 2^63"),
      shaped("[2,5]", field: "data_offsets", value: "[0, 32]", limit: "40 bytes"),
      shaped("[]", field: "data_offsets", value: "[0, 32]", limit: "4 bytes"),
      shaped("[8,0]", field: "data_offsets", value: "[0, 32]", limit: "0 bytes"),
      shaped("[2,-4]", field: "shape", value: "-4", limit: "from 0"),
      shaped("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,8]", field: "shape", value: "over 16", limit: "at most 16"),
      shaped("[2,4]", type: "F16", field: "data_offsets", value: "[0, 32]", limit: "16 bytes"),
      shaped("[2,4]", type: "F4", kind: .unsupported, field: "dtype", value: "F4", limit: "BF16"),
      // A name of GGUF that means nothing here.
      shaped("[2,4]", type: "Q8_0", kind: .unsupported, field: "dtype", value: "Q8_0", limit: "BF16"),
    ]
  }

  static var duplicates: [MalformedFile] {
    let a = entry("a", "[0,32]")
    return [
      one("two tensors of one name", "{\(a),\(a)}", field: "key", value: "\"a\"", limit: "unique"),
      one(
        "one name in two spellings", "{\(a),\(entry("\\u0061", "[0,32]"))}", field: "key", value: "\"a\"",
        limit: "unique"),
      one(
        "dtype twice", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[8],\"data_offsets\":[0,32]}}",
        field: "key", value: "\"dtype\"", limit: "unique"),
      one(
        "twice in a part that is skipped",
        "{\"a\":{\"dtype\":\"F32\",\"more\":{\"x\":1,\"x\":2},\"shape\":[8],\"data_offsets\":[0,32]}}", field: "key",
        value: "\"x\"", limit: "unique"),
      one(
        "metadata twice", "{\"__metadata__\":{},\(a),\"__metadata__\":{}}", field: "key", value: "__metadata__",
        limit: "unique"),
      one(
        "metadata of numbers", "{\"__metadata__\":{\"n\":1},\(a)}", field: "__metadata__ \"n\"", value: "number",
        limit: "string"),
      one(
        "metadata that is a list", "{\"__metadata__\":[],\(a)}", field: "__metadata__", value: "array",
        limit: "object"),
      one("tensor that is a number", "{\"a\":1}", field: "entry of tensor \"a\"", value: "number", limit: "object"),
    ]
  }

  static var texts: [MalformedFile] {
    let header = "{\(entry("weight", "[0,32]"))}"
    func raw(_ name: String, _ header: [UInt8], field: String, value: String, limit: String) -> MalformedFile {
      MalformedFile(
        name, files: [("model.safetensors", SafeTensorsBuilder.file(header, data: 32))], field: field, value: value,
        limit: limit)
    }
    let brackets = String(repeating: "[", count: 600)
    return [
      raw("padded with NUL", Array(header.utf8) + [0, 0], field: "byte", value: "0x0", limit: "nothing after"),
      raw("byte-order mark", [0xef, 0xbb, 0xbf] + Array(header.utf8), field: "first byte", value: "", limit: "\"{\""),
      raw("leading space", Array((" " + header).utf8), field: "first byte", value: "\" \"", limit: "\"{\""),
      raw(
        "name that is not UTF-8", Array("{\"".utf8) + [0xc3, 0x28] + Array("\":{}}".utf8), field: "string at byte",
        value: "(", limit: "UTF-8"),
      raw(
        "overlong encoding", Array("{\"".utf8) + [0xc0, 0x80] + Array("\":{}}".utf8), field: "string at byte",
        value: "", limit: "UTF-8"),
      one("600 brackets", "{\"a\":{\"more\":\(brackets)", field: "depth", value: "65", limit: "64 deep"),
      one(
        "600 objects", "{\"a\":" + String(repeating: "{\"a\":", count: 600), field: "", value: "", limit: "64 deep"),
      one("no object", "[1,2]", field: "first byte", value: "\"[\"", limit: "\"{\""),
      one("lone surrogate", "{\"\\ud800\":{}}", field: "byte", value: "\"", limit: "surrogate"),
    ]
  }

  static var indices: [MalformedFile] {
    func index(_ map: String) -> [UInt8] { Array("{\"metadata\":{\"total_size\":1},\"weight_map\":\(map)}".utf8) }
    func folder(
      _ name: String, _ map: String, shards: [String] = [], kind: ModelFileError.Kind = .malformed, field: String,
      value: String, limit: String
    ) -> MalformedFile {
      MalformedFile(
        name,
        files: [("model.safetensors.index.json", index(map))] + shards.map { ($0, SafeTensorsBuilder.small) },
        kind: kind, field: field, value: value, limit: limit)
    }
    let bad = ["../x", "/etc/passwd", "a/b.safetensors", "..", ".", "", "a\\\\b", "a\\u0000b"]
    return bad.map { name in
      folder(
        "file \(name)", "{\"weight\":\"\(name)\"}", field: "file of tensor \"weight\"", value: "",
        limit: "same folder")
    } + [
      folder(
        "missing shard", "{\"weight\":\"a.safetensors\",\"other\":\"b.safetensors\"}", shards: ["a.safetensors"],
        kind: .unreadable, field: "open", value: "No such file", limit: "readable"),
      folder(
        "one tensor in two shards", "{\"weight\":\"a.safetensors\",\"other\":\"b.safetensors\"}",
        shards: ["a.safetensors", "b.safetensors"], field: "tensor 1", value: "\"weight\"", limit: "a.safetensors"),
      folder(
        "one tensor twice in the index", "{\"weight\":\"a.safetensors\",\"weight\":\"a.safetensors\"}",
        shards: ["a.safetensors"], field: "key", value: "\"weight\"", limit: "unique"),
      folder(
        "tensor that its shard does not have", "{\"weight\":\"a.safetensors\",\"other\":\"a.safetensors\"}",
        shards: ["a.safetensors"], kind: .missing, field: "tensor \"other\"", value: "absent from \"a.safetensors\"",
        limit: "index"),
      MalformedFile(
        "index without a map", files: [("model.safetensors.index.json", Array("{}".utf8))], field: "weight_map",
        value: "absent", limit: "maps"),
    ]
  }
}
