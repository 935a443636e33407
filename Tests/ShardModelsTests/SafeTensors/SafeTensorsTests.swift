// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ShardModels

@Suite("safetensors") struct SafeTensorsTests {
  private typealias Builder = SafeTensorsBuilder

  @Test("tensors, metadata and padding are read") func oneFile() throws {
    let folder = try TemporaryFolder()
    let entries = [
      "\"__metadata__\":{\"format\":\"pt\"}", Builder.entry("b", "[32,38]", type: "BF16", shape: "[3]"),
      Builder.entry("a", "[0,32]"), Builder.entry("scalar", "[38,46]", type: "I64", shape: "[]"),
      Builder.entry("none", "[46,46]", shape: "[0,4]"),
    ]
    // A name without a hint: the content decides.
    let path = try folder.write("weights", Builder.file("{\(entries.joined(separator: ","))}   ", data: 46))
    let model = try ModelFile.open(path)
    guard case .safeTensors(let metadata) = model.format else { throw CancellationError() }
    #expect(metadata["format"] == "pt" && metadata.keys == ["format"])
    #expect(model.tensors.map(\.name) == ["b", "a", "scalar", "none"])
    let a = try model.tensor("a")
    #expect(a.shape == [2, 4] && a.rows == 2 && a.columns == 4)
    #expect(try a.withBytes(rows: 1..<2) { Array($0) } == Array(16..<32))
    #expect(try model.tensor("scalar").rows == 1 && model.tensor("scalar").columns == 1)
    #expect(try model.tensor("none").dequantised() == [])
    #expect(try model.tensor("b").dequantised().first == Float(bitPattern: 0x2120_0000))
  }

  @Test("names that are canonically equivalent are two names") func equivalentNames() throws {
    let folder = try TemporaryFolder()
    let header = "{\(Builder.entry("à", "[0,32]")),\(Builder.entry("a\u{0300}", "[32,64]"))}"
    let model = try ModelFile.open(try folder.write("model.safetensors", Builder.file(header, data: 64)))
    #expect(try model.tensor("à").byteRange.upperBound == model.tensor("a\u{0300}").byteRange.lowerBound)
  }

  @Test("a folder is read through its index, or as its one file") func folders() throws {
    let folder = try TemporaryFolder()
    try folder.write("one.safetensors", Builder.file("{\(Builder.entry("a", "[0,32]"))}", data: 32))
    try folder.write("two.safetensors", Builder.file("{\(Builder.entry("b", "[0,32]"))}", data: 32))
    let map = "{\"weight_map\":{\"b\":\"two.safetensors\",\"a\":\"one.safetensors\"}}"
    let index = try folder.write("model.safetensors.index.json", Array(map.utf8))
    for path in [folder.path, index] {
      let model = try ModelFile.open(path)
      #expect(model.tensors.map(\.name) == ["b", "a"])
      #expect(try model.tensor("a").path.hasSuffix("one.safetensors"))
    }
    let single = try TemporaryFolder()
    try single.write("model.safetensors", Builder.small)
    #expect(try ModelFile.open(single.path).tensors.count == 1)
    let empty = try TemporaryFolder()
    let error = #expect(throws: ModelFileError.self) { try ModelFile.open(empty.path) }
    #expect(error?.kind == .missing && error?.limit.contains("model.safetensors") == true)
  }

  @Test("what is no model file is said to be none") func others() throws {
    let error = try errorOpening(Array("just some text, nothing more".utf8), as: "notes.txt")
    #expect(error?.field == "first bytes" && error?.value.contains("just some text") == true)
    #expect(try errorOpening([], as: "empty")?.kind == .malformed)
    #expect(throws: ModelFileError.self) { try ModelFile.open("/nowhere/at/all") }
    #expect(throws: ModelFileError.self) { try ModelFile.open("") }
    #expect(throws: ModelFileError.self) { try ModelFile.open("/dev/zero") }
    #expect(throws: ModelFileError.self) { try ModelFile.open("a\0b") }
  }
}
