// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import ShardModels

@Suite("GGUF") struct GGUFTests {
  private func open(_ builder: GGUFBuilder) throws -> (model: ModelFile, metadata: GGUFMetadata) {
    let folder = try TemporaryFolder()
    let model = try ModelFile.open(try folder.write("model", builder.bytes))
    guard case .gguf(let metadata) = model.format else { throw CancellationError() }
    return (model, metadata)
  }

  @Test("versions 2 and 3 are read alike", arguments: [2, 3]) func versions(version: UInt32) throws {
    let (model, metadata) = try open(GGUFBuilder.small.adding { $0.version = version })
    #expect(try metadata.string("general.name") == "small")
    let tensor = try model.tensor("weight")
    #expect(tensor.shape == [8, 4] && tensor.rows == 8 && tensor.columns == 4 && tensor.type == .f32)
    let bytes = try tensor.withBytes(rows: 1..<3) { Array($0) }
    #expect(bytes == Array(16..<48))
  }

  @Test("values of every type keep their value") func values() throws {
    let (_, metadata) = try open(
      GGUFBuilder.small.adding {
        $0.key("u8", .uint8, [200])
        $0.key("i8", .int8, [200])
        $0.key("u16", .uint16, UInt16.max.bytes)
        $0.key("i16", .int16, Int16.min.bytes)
        $0.key("u32", .uint32, UInt32.max.bytes)
        $0.key("i32", .int32, Int32.min.bytes)
        $0.key("f32", .float32, Float(1.5).bitPattern.bytes)
        $0.key("yes", .bool, [1])
        $0.key("text", "à")
        $0.key("u64", .uint64, UInt64.max.bytes)
        $0.key("i64", .int64, Int64.min.bytes)
        $0.key("f64", .float64, Double(-0.1).bitPattern.bytes)
      })
    let integers = ["u8": 200, "i8": -56, "u16": 65535, "i16": -32768, "u32": 4_294_967_295, "i64": Int.min]
    for (key, value) in integers { #expect(try metadata.integer(key) == value) }
    #expect(try metadata.integer("i32") == -2_147_483_648)
    #expect(try metadata.number("f32") == 1.5)
    #expect(try metadata.number("f64") == -0.1)
    #expect(try metadata.number("u64") == 0x1p64)
    #expect(try metadata.boolean("yes") == true)
    #expect(try metadata.string("text") == "à")
    #expect(try metadata.integer("absent") == nil && metadata.type(of: "absent") == nil)
    #expect(metadata.keys.first == "general.name" && metadata.keys.count == 13)
    #expect(throws: ModelFileError.self) { try metadata.integer("u64") }
    #expect(throws: ModelFileError.self) { try metadata.integer("f32") }
    #expect(throws: ModelFileError.self) { try metadata.string("u8") }
    #expect(throws: ModelFileError.self) { try metadata.boolean("u8") }
    #expect(throws: ModelFileError.self) { try metadata.number("yes") }
    #expect(throws: ModelFileError.self) { try metadata.array("text") }
  }

  @Test("arrays, of arrays too, keep their elements") func arrays() throws {
    let numbers = GGUFValueType.int16.rawValue.bytes + UInt64(3).bytes + [1, -2, 3].flatMap { (n: Int16) in n.bytes }
    let texts = GGUFValueType.string.rawValue.bytes + UInt64(2).bytes + ["a\u{0300}", "à"].flatMap(GGUFBuilder.string)
    let (_, metadata) = try open(
      GGUFBuilder.small.adding {
        $0.key("numbers", .array, numbers)
        $0.key("texts", .array, texts)
        $0.key("both", .array, GGUFValueType.array.rawValue.bytes + UInt64(2).bytes + numbers + texts)
        $0.key("last", 7)
      })
    #expect(try metadata.array("numbers")?.integers() == [1, -2, 3])
    #expect(try metadata.array("numbers")?.numbers() == [1, -2, 3])
    // Canonically equivalent, and still two tokens.
    let strings = try #require(try metadata.array("texts")?.strings())
    #expect(strings.map { Array($0.utf8) } == [[0x61, 0xcc, 0x80], [0xc3, 0xa0]])
    let both = try #require(try metadata.array("both")?.arrays())
    #expect(both.count == 2)
    #expect(try both[0].integers() == [1, -2, 3])
    #expect(try both[1].strings().count == 2)
    #expect(try metadata.integer("last") == 7)
    #expect(throws: ModelFileError.self) { try both[1].integers() }
    #expect(throws: ModelFileError.self) { try both[0].strings() }
    #expect(throws: ModelFileError.self) { try metadata.array("numbers")?.arrays() }
  }

  @Test("names that are canonically equivalent are two names") func equivalentNames() throws {
    let (model, _) = try open(
      GGUFBuilder.small.adding {
        $0.tensor("à", [4], offset: 128)
        $0.tensor("a\u{0300}", [2], offset: 160)
        $0.dataByteCount = 192
      })
    #expect(try model.tensor("à").columns == 4)
    #expect(try model.tensor("a\u{0300}").columns == 2)
  }

  @Test("a larger alignment moves the data") func alignment() throws {
    let (model, _) = try open(
      GGUFBuilder.small.adding {
        $0.key("general.alignment", 256)
        $0.alignment = 256
      })
    #expect(try model.tensor("weight").byteRange == 256..<384)
  }

  @Test("a file of another writer is read") func otherWriter() throws {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/kinds", withExtension: "bin"))
    let model = try ModelFile.open(url.path)
    guard case .gguf(let metadata) = model.format else { throw CancellationError() }
    #expect(try metadata.string("general.architecture") == "llama")
    #expect(try metadata.array("test.texts")?.strings() == ["one", "two", "drei"])
    #expect(try metadata.array("test.floats")?.numbers() == [0.5, -2])
    #expect(try metadata.integer("test.i64") == -5_000_000_000)
    #expect(try metadata.boolean("test.yes") == true)
    #expect(try model.tensor("single").dequantised() == (0..<12).map { Float($0) })
    #expect(try model.tensor("half").dequantised() == [1, -2, 0.5, 65504])
    #expect(try model.tensor("half").type == .f16)
    #expect(try model.tensor("cube").shape == [2, 3, 4])
    #expect(try model.tensor("blocks").type == .q8_0)
    #expect(try model.tensor("blocks").dequantised() == (0..<128).map { $0 % 32 == 31 ? 127 : Float($0 % 32 - 31) })
  }
}
