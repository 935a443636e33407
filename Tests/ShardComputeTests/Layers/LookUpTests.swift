// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@testable import ShardCompute

@Suite("embedding/rows", .serialized) struct LookUpTests {
  typealias Kind = ProductTests.Kind
  /// A weight, and the values of its rows as GGML's reference arithmetic has them.
  private struct Table {
    let format: WeightFormat
    let rows: Int
    let columns: Int
    let stored: HostMemory
    let values: [Float]

    init(_ format: WeightFormat, rows: Int, columns: Int, _ seed: TestSeed) throws {
      let numbers = SeededNumbers(seed: seed.value, name: format.rawValue)
      let stored =
        try format.elementType.map { HostMemory(numbers.floats(rows * columns), as: $0) }
        ?? numbers.blocks(rows: rows, columns: columns, format: format)
      values =
        format.elementType.map { stored.floats(0..<rows * columns, $0) }
        ?? QuantisedRow.rows(stored, count: rows, format).flatMap {
          $0.groups.flatMap { Self.values(of: $0, hasOffsets: format.blocks.hasOffsets) }
        }
      (self.format, self.rows, self.columns, self.stored) = (format, rows, columns, stored)
    }

    /// scale · q + offset, rounded once; the sign of a zero is that of the product where there is no offset.
    private static func values(of group: QuantisedGroup, hasOffsets: Bool) -> [Float] {
      group.values.map { (hasOffsets ? group.offset : -0.0).addingProduct(group.scale, $0) }
    }

    func weight(on device: any ComputeDevice) throws -> Weight {
      try device.makeWeight(
        stored, rows: rows, order: SumOrder(length: columns, unit: format.blockLength), format: format)
    }

    /// What a look-up must return, bit for bit.
    func definition(_ ids: [Int32], firstID: Int, vocabulary: Int, scale: Float) -> [Float] {
      ids.flatMap { id -> [Float] in
        let row = Int(id) - firstID
        if id < 0 || id >= vocabulary { return .init(repeating: .nan, count: columns) }
        guard (0..<rows).contains(row) else { return .init(repeating: -0.0, count: columns) }
        return values[row * columns..<(row + 1) * columns].map { $0 * scale }
      }
    }
  }

  /// Every id that there is, and the borders of those that there are not.
  private static func ids(_ rows: Int, firstID: Int) -> [Int32] {
    [Int32.min, -1, .max, Int32(firstID + rows), Int32(firstID - 1), 0] + (0..<rows).map { Int32(firstID + $0) }
      + (0..<rows).reversed().map { Int32(firstID + $0) }
  }

  /// The kernel is one for all widths of a panel, so that other widths get few formats, whose packing is compiled anyway.
  @Test("has the bits in panels of every width", arguments: [Kind.cpu8, .cpu4], [WeightFormat.f32, .iq4_nl, .q5_K])
  func widths(kind: Kind, format: WeightFormat) async throws { try await formats(kind: kind, format: format) }

  @Test("has the bits of every format's definition", arguments: [Kind.host, .cpu, .gpu], WeightFormat.allCases)
  func formats(kind: Kind, format: WeightFormat) async throws {
    let device = try kind.shared()
    for seed in TestSeed.fixedAndFresh {
      for (rows, blocks, firstID, scale) in [(1, 1, 0, 1), (33, 2, 7, 1), (70, 3, 0, 25.3)] as [(Int, Int, Int, Float)]
      {
        let columns = blocks * format.blockLength + (format.isQuantised ? 0 : 36)
        try await Self.expectBits(
          Table(format, rows: rows, columns: columns, seed), firstID: firstID, vocabulary: firstID + rows + 5,
          scale: scale, on: device)
      }
    }
  }

  @Test("of nothing is nothing", arguments: [Kind.host, .cpu, .gpu])
  func empty(kind: Kind) async throws {
    let device = try kind.shared()
    let seed = TestSeed(1)
    try await Self.expectBits(
      Table(.q8_0, rows: 0, columns: 64, seed), firstID: 3, vocabulary: 9, scale: 1, on: device)
    try await Self.expectBits(Table(.f32, rows: 4, columns: 0, seed), firstID: 0, vocabulary: 4, scale: 1, on: device)
    let table = try Table(.f32, rows: 4, columns: 5, seed)
    try await Self.expectBits(table, firstID: 0, vocabulary: 4, scale: 1, on: device, ids: [])
  }

  @Test("finds rows of a weight in several pieces", arguments: [Kind.cpu, .gpu], [WeightFormat.f16, .q4_K])
  func pieces(kind: Kind, format: WeightFormat) async throws {
    let device = try #require(
      try TestDevices.openCL(kind == .cpu ? .cpu : .gpu, maximumAllocationByteCount: 1 << 15))
    let table = try Table(format, rows: 200, columns: 512, TestSeed(2))
    #expect(try table.weight(on: device).byteCount > 1 << 15)
    // The result would not fit an allocation either.
    try await Self.expectBits(
      table, firstID: 10, vocabulary: 300, scale: 1, on: device, ids: [9, 10, 73, 74, 137, 209, 210, -3, 300])
  }

  @Test("has the same bits on every level of the CPU fallback") func levels() async throws {
    await #expect(processExitsWith: .success) { try await LookUpTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await LookUpTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    for format in WeightFormat.allCases {
      let table = try Table(format, rows: 33, columns: 2 * max(32, format.blockLength), TestSeed(1))
      try await expectBits(table, firstID: 3, vocabulary: 50, scale: 1.7, on: HostDevice())
    }
  }

  @Test("refuses operands that do not belong together, with the values") func refusals() throws {
    let device = HostDevice()
    let weight = try Weight(on: device, rows: 4, order: SumOrder(length: 6), format: .f32)
    let batch = try Weight(on: device, matrices: 2, rows: 4, order: SumOrder(length: 6), format: .f32)
    let memory = try device.allocate(byteCount: 400)
    let (ids, result) = (try IndexVector(memory, count: 3), try MatrixView(memory, rows: 3, columns: 6))
    func message(_ body: () throws -> LookUp) -> String {
      #expect(throws: ComputeError.self) { _ = try body() }?.description ?? ""
    }
    #expect(message { try LookUp(ids, in: batch, into: result) }.contains("2 weights with rows 0..<4"))
    #expect(message { try LookUp(ids, in: weight, firstID: -1, into: result) }.contains("rows -1..<3"))
    #expect(message { try LookUp(ids, in: weight, firstID: 2, vocabulary: 5, into: result) }.contains("rows 2..<6"))
    #expect(message { try LookUp(ids, in: weight, firstID: .max, into: result) }.contains("of a vocabulary"))
    #expect(message { try LookUp(ids, in: weight, into: result.rows(0..<2)) }.contains("it must be 3 × 6"))
    #expect(throws: Never.self) { try LookUp.check([0, 3], vocabulary: 4) }
    let error = #expect(throws: ComputeError.self) { try LookUp.check([0, 3, 4], vocabulary: 4) }
    #expect(error == .outOfBounds("token id 4 at position 2; ids are 0..<4"))
    #expect(throws: ComputeError.self) { try LookUp.check([-1], vocabulary: 4) }
  }

  private static func expectBits(
    _ table: Table, firstID: Int, vocabulary: Int, scale: Float, on device: any ComputeDevice, ids: [Int32]? = nil
  ) async throws {
    let ids = ids ?? Self.ids(table.rows, firstID: firstID)
    let result = try GappedMatrix(
      device, .init(repeating: 7, count: ids.count * table.columns), rows: ids.count, columns: table.columns, gap: 3)
    try device.lookUp(
      LookUp(
        IndexVector(device.upload([-9] + ids), count: ids.count, offset: 1), in: table.weight(on: device),
        firstID: firstID, vocabulary: vocabulary, scale: scale, into: result.view))
    let (found, intact) = try await result.contents()
    let expected = table.definition(ids, firstID: firstID, vocabulary: vocabulary, scale: scale)
    let what = "\(table.rows) × \(table.columns) \(table.format.rawValue) on \(device.name)"
    #expect(differences(found, expected).isEmpty && intact, "\(what)")
  }
}
