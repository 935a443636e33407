// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import ShardModels

@Suite("dequantisation") struct DequantiseTests {
  static let types = TensorType.allCases.filter { $0.isQuantised || $0 == .bf16 }

  /// The reference tensors of `type`: the stored blocks, seen as a tensor of that type, and its values.
  static func reference(_ type: TensorType) throws -> (stored: WeightTensor, values: [Float]) {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/quantisation", withExtension: "safetensors"))
    let file = try ModelFile.open(url.path)
    let raw = try file.tensor("\(type.rawValue).raw")
    let expected = try file.tensor("\(type.rawValue).float32")
    let layout = try TensorLayout(type: type, shape: expected.shape, name: raw.name, file: raw.path)
    #expect(layout.byteCount == raw.byteRange.count)
    let stored = WeightTensor(name: raw.name, layout: layout, firstByte: raw.byteRange.lowerBound, file: raw.file)
    return (stored, try expected.dequantised())
  }

  @Test("has the bits of an independent implementation", arguments: types)
  func equalBits(type: TensorType) throws {
    let (stored, expected) = try Self.reference(type)
    let actual = try stored.dequantised()
    #expect(actual.count == expected.count)
    #expect(actual.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  @Test("of a part equals the part of the whole", arguments: types)
  func parts(type: TensorType) throws {
    let (stored, expected) = try Self.reference(type)
    let step = type.elementsPerBlock
    for rows in [0..<1, 1..<2, 0..<2, 1..<1] {
      for first in stride(from: 0, through: stored.columns, by: step) {
        for end in stride(from: first, through: stored.columns, by: step) {
          let part = try stored.dequantised(rows: rows, columns: first..<end)
          let wanted = rows.flatMap { expected[$0 * stored.columns + first..<$0 * stored.columns + end] }
          #expect(part.map(\.bitPattern) == wanted.map(\.bitPattern), "\(type) \(rows) \(first)..<\(end)")
        }
      }
    }
  }

  @Test("writes only where it should") func guardZones() throws {
    let (stored, _) = try Self.reference(.q6_K)
    let nan = Float(bitPattern: 0x7fc0_1234)
    var output = [Float](repeating: nan, count: 3 * 256)
    try output.withUnsafeMutableBufferPointer { buffer in
      try stored.dequantise(
        rows: 1..<2, columns: 256..<512, into: UnsafeMutableBufferPointer(rebasing: buffer[256..<512]))
    }
    for (index, value) in output.enumerated() {
      #expect((value.bitPattern == nan.bitPattern) == !(256..<512).contains(index), "\(index)")
    }
  }

  @Test("of large tensors on all cores equals that of their rows") func manyRows() throws {
    let (stored, expected) = try Self.reference(.q8_0)
    let block = try stored.withBytes(rows: 0..<2) { Array($0) }
    let copies = 700
    let folder = try TemporaryFolder()
    let path = try folder.write("rows", (0..<copies).flatMap { _ in block })
    let layout = try TensorLayout(type: .q8_0, shape: [2 * copies, stored.columns], name: "rows", file: path)
    let tensor = WeightTensor(name: "rows", layout: layout, firstByte: 0, file: try MappedFile(path: path))
    let actual = try tensor.dequantised()
    let equal = (0..<copies).allSatisfy { copy in
      actual[copy * expected.count..<(copy + 1) * expected.count].elementsEqual(expected)
    }
    #expect(equal)
  }

  @Test("of every half is exact") func halves() {
    for bits in UInt16.min...UInt16.max {
      let expected = Float(Float16(bitPattern: bits))
      let actual = Float(halfBits: bits)
      // Signalling NaNs may be made quiet or not.
      let same = actual.bitPattern == expected.bitPattern || (actual.isNaN && expected.isNaN)
      if !same { Issue.record("half \(bits): \(actual) instead of \(expected)") }
    }
  }

  @Test("refuses cuts inside blocks, parts outside, other types and outputs of another size") func refusals() throws {
    let (stored, _) = try Self.reference(.q4_K)
    let width = stored.columns
    #expect(throws: ModelFileError.self) { try stored.dequantised(rows: 0..<1, columns: 0..<128) }
    #expect(throws: ModelFileError.self) { try stored.dequantised(rows: 0..<1, columns: 32..<256) }
    #expect(throws: ModelFileError.self) { try stored.dequantised(rows: 0..<3, columns: 0..<256) }
    #expect(throws: ModelFileError.self) { try stored.dequantised(rows: -1..<1, columns: 0..<256) }
    #expect(throws: ModelFileError.self) { try stored.dequantised(rows: 0..<1, columns: 0..<width + 256) }
    #expect(throws: ModelFileError.self) { try stored.dequantised(rows: 0..<Int.max, columns: 0..<Int.max) }
    #expect(throws: ModelFileError.self) { try stored.dequantised(rows: Int.min..<Int.max, columns: Int.min..<Int.max) }
    var output = [Float](repeating: 0, count: 255)
    #expect(throws: ModelFileError.self) {
      try output.withUnsafeMutableBufferPointer { try stored.dequantise(rows: 0..<1, columns: 0..<256, into: $0) }
    }
    let url = try #require(Bundle.module.url(forResource: "Fixtures/quantisation", withExtension: "safetensors"))
    let bytes = try ModelFile.open(url.path).tensor("Q4_K.raw")
    let error = #expect(throws: ModelFileError.self) { try bytes.dequantised() }
    #expect(error?.kind == .invalidRequest && error?.value == "U8")
  }
}
