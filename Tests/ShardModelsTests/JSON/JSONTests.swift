// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ShardModels

@Suite("JSON") struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue { try parse(Array(text.utf8)) }

  private func parse(_ bytes: [UInt8]) throws -> JSONValue {
    try JSONValue(parsing: bytes, file: "test.json", subject: "text")
  }

  @Test("values of every kind are read") func values() throws {
    let value = try parse(#" { "a" : [1, -2, 0.5, 1e3, true, false, null], "b" : {"c" : "d"}, "" : [] } "#)
    #expect(value["b"]?["c"]?.string == "d")
    #expect(value[""] == .array([]))
    #expect(
      value["a"]
        == .array([
          .number(.integer(1)), .number(.integer(-2)), .number(.double(0.5)), .number(.double(1000)), .boolean(true),
          .boolean(false), .null,
        ]))
    #expect(value["absent"] == nil && value.string == nil)
  }

  @Test("whole numbers are exact, others rounded, infinite ones refused") func numbers() throws {
    #expect(try parse("9223372036854775807").integer == Int.max)
    #expect(try parse("-9223372036854775808").integer == Int.min)
    #expect(try parse("9007199254740993").integer == 9_007_199_254_740_993)
    #expect(try parse("9223372036854775808") == .number(.double(0x1p63)))
    // What Hugging Face writes for "no limit".
    #expect(try parse("1000000000000000019884624838656") == .number(.double(1e30)))
    #expect(try parse("1.7976931348623157e308") == .number(.double(.greatestFiniteMagnitude)))
    #expect(try parse("1e-400") == .number(.double(0)))
    #expect(try parse("-0").integer == 0)
    let refused = [
      "1e400", "-1e400", "1" + String(repeating: "0", count: 400), "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10",
      "NaN", "Infinity", "-Infinity", "1_000", "--1",
    ]
    for text in refused { #expect(throws: ModelFileError.self, "\(text)") { try parse(text) } }
  }

  @Test("strings keep their bytes") func strings() throws {
    #expect(try parse(#""\"\\\/\b\f\n\r\t\u0041\u00e0\ud83d\ude00""#).string == "\"\\/\u{8}\u{c}\n\r\tAà😀")
    #expect(try parse("\"\u{feff}token\"").string?.utf8.first == 0xef)
    #expect(try parse("\"a\u{0300}\"").string?.utf8.elementsEqual([0x61, 0xcc, 0x80]) == true)
    #expect(try parse("\"\\u0000\"").string?.utf8.elementsEqual([0]) == true)
    let refused = [
      #""\ud800""#, #""\ud800x""#, #""\ud800\u0041""#, #""\udc00""#, #""\u12""#, #""\u12g4""#, #""\x41""#, #""\"#,
      "\"\n\"", "\"\u{1}\"", "\"open", "'single'",
    ]
    for text in refused { #expect(throws: ModelFileError.self, "\(text)") { try parse(text) } }
    for bytes: [UInt8] in [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]] {
      #expect(throws: ModelFileError.self, "\(bytes)") { try parse([0x22] + bytes + [0x22]) }
    }
  }

  @Test("keys are compared byte for byte and are unique") func keys() throws {
    let value = try parse("{\"à\":1,\"a\u{0300}\":2}")
    #expect(value["à"]?.integer == 1 && value["a\u{0300}"]?.integer == 2)
    let error = #expect(throws: ModelFileError.self) { try parse(#"{"a":1,"\u0061":2}"#) }
    #expect(error?.limit == "keys must be unique" && error?.field == "text, key at byte 7")
    #expect(try parse(#"[{"a":1},{"a":2}]"#) != .null)
  }

  @Test("what is not quite JSON is refused") func structure() {
    let refused = [
      "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "[1 2]",
      "1 2", "{}{}", "[]]", "tru", "nul", "True", "//x\n1", "/**/1", "\u{feff}1", "1\0", "{:", "[}", "{]",
    ]
    for text in refused { #expect(throws: ModelFileError.self, "\(text)") { try parse(text) } }
  }

  @Test("nesting is limited", arguments: ["[", "{\"a\":"]) func depth(open: String) throws {
    let limit = JSONScanner.depthLimit
    let nested = String(repeating: "[", count: limit) + String(repeating: "]", count: limit)
    #expect(try parse(nested) != .null)
    for count in [limit + 1, 600, 100_000] {
      let error = #expect(throws: ModelFileError.self) { try parse(String(repeating: open, count: count)) }
      #expect(error?.limit.contains("64 deep") == true)
    }
  }

  @Test("a value that is skipped is checked all the same") func skipping() throws {
    var scanner = JSONScanner(Array(#"{"skip":[{"a":[1,"\n"]}],"keep":7} "#.utf8), file: "f", subject: "text")
    var kept = 0
    try scanner.object { scanner, key in
      if key == "keep" {
        kept = try scanner.integer(in: 0...7, key)
      } else {
        try scanner.skipValue()
      }
    }
    try scanner.end()
    #expect(kept == 7)
    for text in [#"[{"a":1,"a":2}]"#, "[1e999]", "[\"\\q\"]"] {
      var scanner = JSONScanner(Array(text.utf8), file: "f", subject: "text")
      #expect(throws: ModelFileError.self) { try scanner.skipValue() }
    }
  }
}
