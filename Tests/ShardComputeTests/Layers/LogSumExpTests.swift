// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@Suite("logits/log_sums", .serialized) struct LogSumExpTests {
  typealias Kind = ProductTests.Kind

  /// A leaf's or a subtree's largest value, and the sum of exponentials of differences from it.
  struct Node {
    var m: Float
    var s: Float

    /// exp(x − m), 1 also where both are the same infinity.
    static func share(_ x: Float, _ m: Float) -> Float { RowDefinition.apply(.exp, x == m ? 0 : x - m) }

    init(leaf values: ArraySlice<Float>) {
      let values = Array(values)
      let m = values.reduce(-.infinity) { $1 > $0 ? $1 : $0 }
      self.m = m
      s = RowDefinition.sum(values.count) { $0 += Node.share(values[$1], m) }
    }

    init(_ left: Node, _ right: Node) {
      let m = left.m > right.m ? left.m : right.m
      self.m = m
      s = (right.s * Node.share(right.m, m)).addingProduct(left.s, Node.share(left.m, m))
    }
  }

  /// The tree over leaves of 1024, as `ReductionTree` has it.
  static func definition(_ row: [Float]) -> Float {
    let leaves = stride(from: 0, to: row.count, by: 1024).map { Node(leaf: row[$0..<min($0 + 1024, row.count)]) }
    guard let tree = ReductionTree(count: leaves.count) else { return -.infinity }
    func node(_ tree: ReductionTree) -> Node {
      switch tree {
      case .addend(let position): leaves[position]
      case .join(let left, let right): Node(node(left), node(right))
      }
    }
    let root = node(tree)
    return root.m + RowDefinition.apply(.log, root.s)
  }

  @Test("has the bits of the definition", arguments: NormTests.kinds, TestSeed.fixedAndFresh)
  func edgeShapes(kind: Kind, seed: TestSeed) async throws {
    try await Self.expectEdgeShapes(on: kind.shared(), seed)
  }

  static func expectEdgeShapes(on device: any ComputeDevice, _ seed: TestSeed) async throws {
    var numbers = RandomNumbers(seed)
    for (rows, columns) in [
      (0, 5), (2, 0), (3, 1), (2, 127), (5, 1000), (2, 1024), (2, 1025), (1, 5 * 1024), (2, 7 * 1024 - 3),
      (1, 11 * 1024),
    ] {
      let softCap: Float? = columns.isMultiple(of: 2) ? nil : 3
      let x = numbers.floats(rows * columns)
      let found = try await run(x, rows: rows, scale: 30, softCap: softCap, on: device)
      let values = x.map { RowDefinition.capped($0, scale: 30, softCap: softCap) }
      let expected = (0..<rows).map { definition(Array(values[$0 * columns..<($0 + 1) * columns])) }
      #expect(differences(found, expected).isEmpty, "\(rows) × \(columns) \(seed) on \(device.name)")
    }
  }

  @Test("of infinities is infinite, of NaN NaN", arguments: NormTests.kinds)
  func specialValues(kind: Kind) async throws {
    let (infinity, count) = (Float.infinity, 2500)
    let rows: [[Float]] = [
      .init(repeating: -infinity, count: count), .init(repeating: 1, count: count - 1) + [infinity],
      [-infinity] + .init(repeating: -200, count: count - 1), .init(repeating: 0, count: count - 1) + [.nan],
      .init(repeating: -infinity, count: count - 1) + [-3], .init(repeating: infinity, count: count),
      .init(repeating: .nan, count: count), [.nan, infinity] + .init(repeating: 0, count: count - 2),
    ]
    let found = try await Self.run(rows.flatMap(\.self), rows: rows.count, on: kind.shared())
    #expect(differences(found, rows.map(Self.definition)).isEmpty)
    #expect(found[0] == -infinity && found[1] == infinity && found[4] == -3 && found[5] == infinity)
    #expect(found[3].isNaN && found[6].isNaN && found[7].isNaN)
  }

  @Test("is as close to f64 as f32 can be", arguments: [Kind.host, .cpu, .gpu])
  func bound(kind: Kind) async throws {
    var numbers = RandomNumbers(seed: 9)
    for columns in [1, 100, 3000, 40000] {
      for softCap in [nil, 30] as [Float?] {
        let x = numbers.floats(2 * columns).map { 20 * $0 }
        let found = try await Self.run(x, rows: 2, softCap: softCap, on: kind.shared())
        let reference = LayerReference.logSumExp(x, columns: columns, softCap: softCap)
        #expect(reference.largestErrorOverBound(of: found) <= 1, "\(columns) columns")
      }
    }
  }

  @Test("has the same bits on every level of the CPU fallback") func levels() async throws {
    await #expect(processExitsWith: .success) { try await LogSumExpTests.checkLevel("x86-64-v3") }
    await #expect(processExitsWith: .success) { try await LogSumExpTests.checkLevel("default") }
  }

  private static func checkLevel(_ level: String) async throws {
    setenv("SHARDCL_HOST_LEVEL", level, 1)
    try await expectEdgeShapes(on: HostDevice(), TestSeed(1))
  }

  @Test("refuses memory without room, with the values") func refusals() throws {
    let device = HostDevice()
    let memory = try device.allocate(byteCount: 64)
    let x = try MatrixView(device.allocate(byteCount: 4 * 2 * 5000), rows: 2, columns: 5000)
    let error = #expect(throws: ComputeError.self) { try LeafSums(of: x, into: memory) }
    #expect(error == .outOfBounds("bytes 0..<80 of memory of 64 bytes"))
    #expect(throws: ComputeError.self) { try LeafSums(of: x, softCap: -1, into: memory) }
    #expect(throws: ComputeError.self) { try LeafSums(of: MatrixView(memory, rows: 2, columns: 8), into: memory) }
    let result = try MatrixView(device.allocate(byteCount: 8), rows: 2, columns: 1)
    _ = try LogSumExp(of: memory, leaves: 4, into: result)
    for leaves in [5, -1, .max] {
      #expect(throws: ComputeError.self) { try LogSumExp(of: memory, leaves: leaves, into: result) }
    }
    #expect(throws: ComputeError.self) { try LogSumExp(of: memory, leaves: 4, into: result.transposed) }
    let inside = try MatrixView(memory, rows: 2, columns: 1)
    #expect(throws: ComputeError.self) { try LogSumExp(of: memory, leaves: 4, into: inside) }
  }

  /// The result of each row; throws where a guard was written.
  private static func run(
    _ x: [Float], rows: Int, scale: Float = 1, softCap: Float? = nil, on device: any ComputeDevice
  ) async throws -> [Float] {
    let columns = rows == 0 ? 5 : x.count / rows
    let leaves = LeafSums.leaves(of: columns)
    let matrix = try GappedMatrix(device, x, rows: rows, columns: columns, gap: 5)
    let nodes = try device.upload([Float](repeating: 77, count: 2 * rows * leaves + 4))
    let result = try GappedMatrix(device, .init(repeating: 7, count: rows), rows: rows, columns: 1, gap: 2)
    try device.sumLeaves(LeafSums(of: matrix.view, scale: scale, softCap: softCap, into: nodes))
    try device.joinLeaves(LogSumExp(of: nodes, leaves: leaves, into: result.view))
    let (found, intact) = try await result.contents()
    let guards = try await device.download(nodes, as: Float.self).suffix(4)
    try #require(intact && guards == [77, 77, 77, 77])
    return found
  }
}
