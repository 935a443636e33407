// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@Suite("logits/top_k", .serialized) struct TopKTests {
  typealias Kind = ProductTests.Kind

  /// The k largest of a row, by sorting: NaN first, −0 equal to +0, then by column.
  static func definition(_ row: [Float], k: Int) -> [Candidate] {
    let order = row.indices.sorted { a, b in
      if row[a].isNaN || row[b].isNaN { return row[b].isNaN ? row[a].isNaN && a < b : true }
      return row[a] != row[b] ? row[a] > row[b] : a < b
    }
    return order.prefix(k).map { Candidate(index: $0, value: row[$0] == 0 ? 0 : row[$0]) }
  }

  @Test("are the first of the sorted row", arguments: NormTests.kinds, TestSeed.fixedAndFresh)
  func edgeShapes(kind: Kind, seed: TestSeed) async throws {
    try await Self.expectEdgeShapes(on: kind.shared(), seed)
  }

  static func expectEdgeShapes(on device: any ComputeDevice, _ seed: TestSeed) async throws {
    var numbers = RandomNumbers(seed)
    for (rows, columns, k) in [
      (0, 5, 1), (2, 0, 3), (1, 1, 1), (3, 7, 7), (2, 3, 256), (2, 17, 4), (5, 1000, 1), (2, 1024, 256), (3, 1025, 5),
      (1, 9001, 256), (2, 8200, 40), (9, 4100, 3),
    ] {
      try await expectCandidates(numbers.floats(rows * columns), rows: rows, k: k, on: device, seed)
      // Few different values: most are equal.
      try await expectCandidates(
        numbers.integers(rows * columns, in: -2...2), rows: rows, k: k, on: device, seed)
    }
  }

  @Test("order NaN, infinities and zeros", arguments: NormTests.kinds)
  func specialValues(kind: Kind) async throws {
    let device = try kind.shared()
    let negativeNaN = Float(bitPattern: 0xffc0_0001)
    var numbers = RandomNumbers(seed: 4)
    for _ in 0..<5 {
      let row =
        (0..<70).map { _ in numbers.floats(1)[0] }
        + [0, -0.0, -0.0, 0, .infinity, .nan, -.infinity, negativeNaN, .infinity, -.infinity, .leastNonzeroMagnitude]
      let shuffled = row.shuffled(using: &numbers)
      try await Self.expectCandidates(shuffled, rows: 1, k: row.count, on: device, TestSeed(4))
      try await Self.expectCandidates(shuffled, rows: 1, k: 3, on: device, TestSeed(4))
    }
    for value in [Float.nan, -.infinity, -0.0, .infinity] {
      try await Self.expectCandidates(.init(repeating: value, count: 5000), rows: 1, k: 3, on: device, TestSeed(4))
    }
    let zeros = try await Self.run([-0.0, 0, -0.0], rows: 1, k: 2, on: device).first?.candidates ?? []
    #expect(zeros.map(\.index) == [0, 1] && zeros.allSatisfy { $0.value.bitPattern == 0 })
  }

  @Test("compare what scale and soft-cap make of values", arguments: NormTests.kinds)
  func scaled(kind: Kind) async throws {
    var numbers = RandomNumbers(seed: 5)
    // Far beyond the cap all are equal, and the lower columns win.
    let x = numbers.floats(3000).map { 300 * $0 }
    for (scale, softCap) in [(-2, nil), (0.5, 30), (1, 2)] as [(Float, Float?)] {
      let values = x.map { RowDefinition.capped($0, scale: scale, softCap: softCap) }
      let found = try await Self.run(
        x, rows: 2, k: 60, scale: scale, softCap: softCap, on: kind.shared())
      for (row, result) in found.enumerated() {
        let expected = Self.definition(Array(values[row * 1500..<(row + 1) * 1500]), k: 60)
        #expect(result.candidates == expected, "scale \(scale), soft-cap \(softCap ?? 0)")
      }
    }
  }

  @Test("are the same of a row in parts, which merge in any order", arguments: NormTests.kinds)
  func parts(kind: Kind) async throws {
    let device = try kind.shared()
    var numbers = RandomNumbers(seed: 6)
    let row = numbers.integers(5000, in: -40...40)
    for k in [1, 5, 256] {
      let cuts = [0..<0, 3000..<5000, 0..<1, 1..<100, 100..<3000]
      let memory = try device.allocate(byteCount: 8 * k * cuts.count)
      for (place, cut) in cuts.enumerated() {
        // Each part's candidates, then all of them together.
        let part = try device.allocate(byteCount: 8 * k)
        let x = try MatrixView(device.upload(Array(row[cut])), rows: 1, columns: cut.count)
        try device.findTop(
          TopK(k, of: x, firstIndex: cut.lowerBound, into: CandidateMatrix(part, rows: 1, count: k)))
        try device.copy(
          MatrixView(part, rows: 1, columns: 2 * k),
          to: MatrixView(memory, rows: 1, columns: 2 * k, offset: 2 * k * place))
      }
      let result = try device.allocate(byteCount: 8 * k)
      try device.findTop(
        TopK(
          k, merging: CandidateMatrix(memory, rows: 1, count: k * cuts.count),
          into: CandidateMatrix(result, rows: 1, count: k)))
      let found = try await device.download(result, as: UInt64.self).map(Candidate.init(bits:))
      #expect(found == Self.definition(row, k: k))
    }
  }

  @Test("are the same on every level of the CPU fallback") func levels() async throws {
    await #expect(processExitsWith: .success) { try await TopKTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await TopKTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    try await expectEdgeShapes(on: HostDevice(), TestSeed(1))
  }

  @Test("refuse operands that do not belong together, with the values") func refusals() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 4000)
    let x = try MatrixView(device.allocate(byteCount: 48), rows: 2, columns: 6)
    let result = try CandidateMatrix(memory, rows: 2, count: 3)
    func message(_ body: () throws -> TopK) -> String {
      #expect(throws: ComputeError.self) { _ = try body() }?.description ?? ""
    }
    #expect(message { try TopK(0, of: x, into: result) }.contains("the 0 largest of 2 rows"))
    #expect(message { try TopK(257, of: x, into: result) }.contains("k is 1 to 256"))
    #expect(message { try TopK(2, of: x, into: result) }.contains("into 2 × 3 candidates"))
    #expect(message { try TopK(3, of: x.rows(0..<1), into: result) }.contains("the 3 largest of 1 rows"))
    #expect(message { try TopK(3, of: x, firstIndex: Int(Int32.max), into: result) }.contains("at most 2147483647"))
    #expect(message { try TopK(3, of: x, firstIndex: -1, into: result) }.contains("columns -1..<5"))
    #expect(
      message { try TopK(3, of: x, into: result, ids: IndexVector(memory, count: 5)) }.contains("5 ids for 2 × 3"))
    #expect(message { try TopK(3, merging: result, into: result) }.contains("into their own memory"))
    let same = try MatrixView(memory, rows: 2, columns: 6)
    #expect(message { try TopK(3, of: same, into: result) }.contains("in the memory of the matrix"))
    #expect(throws: ComputeError.self) { try CandidateMatrix(memory, rows: 100, count: 6) }
    #expect(throws: ComputeError.self) { try CandidateMatrix(memory, rows: .max, count: .max) }
  }

  private static func expectCandidates(
    _ x: [Float], rows: Int, k: Int, on device: any ComputeDevice, _ seed: TestSeed
  ) async throws {
    let columns = rows == 0 ? 5 : x.count / rows
    let found = try await run(x, rows: rows, k: k, on: device)
    for (row, result) in found.enumerated() {
      let expected = definition(Array(x[row * columns..<(row + 1) * columns]), k: k)
      let what = "row \(row) of \(rows) × \(columns), k \(k), \(seed) on \(device.name)"
      #expect(result.candidates.map(\.index) == expected.map(\.index), "\(what)")
      #expect(differences(result.candidates.map(\.value), expected.map(\.value)).isEmpty, "\(what)")
      let ids = expected.map { Int32($0.index + 7) } + .init(repeating: -1, count: k - expected.count)
      #expect(result.ids == ids, "\(what)")
    }
  }

  /// The candidates of each row, and its ids where column 0 is column 7 of the whole; throws where a guard was written.
  private static func run(
    _ x: [Float], rows: Int, k: Int, scale: Float = 1, softCap: Float? = nil, on device: any ComputeDevice
  ) async throws -> [(candidates: [Candidate], ids: [Int32])] {
    let columns = rows == 0 ? 5 : x.count / rows
    let matrix = try GappedMatrix(device, x, rows: rows, columns: columns, gap: 3)
    let best = try device.upload([UInt64](repeating: 0xa5a5, count: rows * k + 2))
    let ids = try device.upload([Int32](repeating: 99, count: rows * k + 2))
    try device.findTop(
      TopK(
        k, of: matrix.view, firstIndex: 7, scale: scale, softCap: softCap,
        into: CandidateMatrix(best, rows: rows, count: k), ids: IndexVector(ids, count: rows * k, offset: 1)))
    let bits = try await device.download(best, as: UInt64.self)
    let places = try await device.download(ids, as: Int32.self)
    try #require(bits.suffix(2) == [0xa5a5, 0xa5a5] && places.first == 99 && places.last == 99)
    return (0..<rows).map { row in
      (
        bits[row * k..<(row + 1) * k].compactMap(Candidate.init(bits:)).map {
          Candidate(index: $0.index - 7, value: $0.value)
        }, Array(places[1 + row * k..<1 + (row + 1) * k])
      )
    }
  }
}
