// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import ShardModels

@Suite("malformed GGUF") struct MalformedGGUFTests {
  @Test("G1: cut at every length") func g1() { MalformedGGUF.cutHeaders.forEach { $0.check() } }
  @Test("G2: huge tensor and key counts") func g2() { MalformedGGUF.hugeCounts.forEach { $0.check() } }
  @Test("G3: huge string and array lengths") func g3() { MalformedGGUF.hugeLengths.forEach { $0.check() } }
  @Test("G4: products of dimensions that wrap") func g4() { MalformedGGUF.wrappingShapes.forEach { $0.check() } }
  @Test("G5: sizes that wrap when padded or added") func g5() { MalformedGGUF.wrappingSizes.forEach { $0.check() } }
  @Test("G6: too many and negative dimensions") func g6() { MalformedGGUF.dimensionCounts.forEach { $0.check() } }

  @Test(
    "G7: a dimension 0 is legal, whatever the others",
    arguments: [[0], [0, 5], [5, 0], [0, 1 << 40], [32, 0], [1 << 60, 1 << 62, 0], [4, 0, 1 << 62, 1 << 62]])
  func g7(dimensions: [UInt64]) throws {
    let types: [UInt32] = dimensions[0].isMultiple(of: 32) ? [0, 1, 8] : [0, 1]
    for type in types {
      let folder = try TemporaryFolder()
      let path = try folder.write("model.gguf", GGUFBuilder.one(dimensions, type: type))
      let tensor = try ModelFile.open(path).tensor("weight")
      #expect(tensor.byteRange.isEmpty)
      #expect(tensor.shape == dimensions.reversed().map { Int($0) })
      #expect(try tensor.dequantised() == [])
      try tensor.withBytes(rows: 0..<tensor.rows) { #expect($0.isEmpty) }
    }
  }

  @Test("G8: alignments that are none") func g8() { MalformedGGUF.alignments.forEach { $0.check() } }
  @Test("G9: data past the end") func g9() { MalformedGGUF.offsets.forEach { $0.check() } }

  @Test("G9: a file that is cut after opening is refused") func cutAfterOpening() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("model.gguf", GGUFBuilder.small.bytes)
    let model = try ModelFile.open(path)
    let tensor = try model.tensor("weight")
    #expect(try tensor.dequantised().count == 32)
    try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: 10)
    let error = #expect(throws: ModelFileError.self) { try tensor.dequantised() }
    #expect(error?.kind == .unreadable && error?.field == "file size" && error?.value == "10 bytes")
    guard case .gguf(let metadata) = model.format else {
      Issue.record("not recognised as GGUF")
      return
    }
    #expect(throws: ModelFileError.self) { try metadata.string("general.name") }
  }

  @Test("G10: unknown types, arrays of arrays 1,000 deep") func g10() {
    MalformedGGUF.unknownTypes.forEach { $0.check() }
  }
  @Test("G11: rows that end inside a block") func g11() { MalformedGGUF.brokenBlocks.forEach { $0.check() } }
  @Test("G12: names twice or empty, tensors that overlap") func g12() {
    MalformedGGUF.repeatedNames.forEach { $0.check() }
  }
  @Test("G13: layer and head counts without sense") func g13() { MalformedGGUF.modelShapes.forEach { $0.check() } }
  @Test("G14: an absent tensor is named") func g14() { MalformedGGUF.missingTensors.forEach { $0.check() } }
  @Test("G15: HTML, big-endian, other versions") func g15() { MalformedGGUF.otherFormats.forEach { $0.check() } }
}
