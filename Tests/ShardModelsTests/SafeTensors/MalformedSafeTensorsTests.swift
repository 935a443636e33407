// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import ShardModels

@Suite("malformed safetensors") struct MalformedSafeTensorsTests {
  @Test("S1: header lengths that cannot be") func s1() { MalformedSafeTensors.lengths.forEach { $0.check() } }

  @Test("S1: a header over 100 MB is refused unread") func hugeHeader() throws {
    let folder = try TemporaryFolder()
    let length = UInt64(100_000_001)
    let path = try folder.write("model.safetensors", length.bytes + Array("{".utf8))
    // A sparse file, which takes no room.
    try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: 200_000_000)
    let error = #expect(throws: ModelFileError.self) { try ModelFile.open(path) }
    #expect(error?.field == "header length" && error?.value == "100000001")
    #expect(error?.limit.contains("2 to 100000000") == true)
  }

  @Test("S2: offsets that overlap, leave holes or are none") func s2() {
    MalformedSafeTensors.offsets.forEach { $0.check() }
  }
  @Test("S3: shapes that wrap or do not fit their bytes") func s3() {
    MalformedSafeTensors.shapes.forEach { $0.check() }
  }
  @Test("S4: duplicate names, metadata that is not text") func s4() {
    MalformedSafeTensors.duplicates.forEach { $0.check() }
  }
  @Test("S5: headers that are not plain JSON") func s5() { MalformedSafeTensors.texts.forEach { $0.check() } }
  @Test("S6: an index that leaves its folder or lies") func s6() { MalformedSafeTensors.indices.forEach { $0.check() } }
}
