// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("collectives/reduce") struct ReductionTests {
  static let devices: [@Sendable () throws -> any ComputeDevice] = [
    { HostDevice() },
    { try #require(try TestDevices.openCL(.cpu)) },
    { try #require(try TestDevices.openCL(.gpu)) },
  ]

  @Test("maximum and minimum order zeros by sign and propagate NaN", arguments: ElementType.allCases)
  func specialValues(elementType: ElementType) async throws {
    let values: [Float] = [0, -0.0, 1, -1, .infinity, -.infinity, .nan]
    let pairs = values.flatMap { x in values.map { (x, $0) } }
    for make in Self.devices {
      let device = try make()
      let x = Reduction.Operand(try device.upload(elementType.encode(pairs.map(\.0))))
      let y = Reduction.Operand(try device.upload(elementType.encode(pairs.map(\.1))))
      for (operation, expected) in [
        (Reduction.Operation.max, pairs.map { Float.maximumPropagatingNaN($0, $1) }),
        (.min, pairs.map { -Float.maximumPropagatingNaN(-$0, -$1) }),
      ] {
        let out = try device.allocate(byteCount: pairs.count * elementType.byteCount)
        try device.reduce(
          Reduction(
            [x, y], into: Reduction.Operand(out), count: pairs.count, elementType: elementType, operation: operation))
        let result = elementType.decode(try await device.download(out))
        for (index, (got, want)) in zip(result, expected).enumerated() {
          #expect(
            got.bitPattern == want.bitPattern || (got.isNaN && want.isNaN),
            "\(device.name) \(operation) of \(pairs[index]): \(got), not \(want)")
        }
      }
    }
  }

  @Test("rows of matrices join in the order of the tree, in place too") func rows() async throws {
    let (rows, count, stride) = (5, 37, 41)
    var random = RandomNumbers(seed: 9)
    let addends = (0..<5).map { _ in (0..<rows * stride).map { _ in Float.random(in: -1...1, using: &random) } }
    let nodes = [SumNode.leaf(3), SumNode(level: 1, index: 2), .leaf(6), .leaf(7), SumNode(level: 0, index: 9)]
    let tree = try #require(ReductionTree(nodes: nodes))
    #expect(tree.expression == "JOIN(a0,JOIN(JOIN(a1,JOIN(a2,a3)),a4))")
    for make in Self.devices {
      let device = try make()
      let operands = try addends.map { Reduction.Operand(try device.upload($0)) }
      try device.reduce(
        Reduction(
          operands, into: operands[2], rows: rows, count: count, addendStride: stride, destinationStride: stride,
          tree: tree))
      var expected = addends[2]
      for row in 0..<rows {
        for e in row * stride..<row * stride + count {
          let a = addends.map { $0[e] }
          expected[e] = a[0] + ((a[1] + (a[2] + a[3])) + a[4])
        }
      }
      #expect(try await device.download(operands[2].memory) == expected, "\(device.name)")
    }
  }

  @Test("a tree that has not each addend once is refused") func trees() throws {
    let operand = Reduction.Operand(try HostDevice().allocate(byteCount: 8))
    for tree in [ReductionTree.addend(0), .join(.addend(0), .addend(0)), .join(.addend(-1), .addend(0))] {
      let error = #expect(throws: ComputeError.self) {
        try Reduction([operand, operand], into: operand, count: 1, tree: tree)
      }
      #expect(error?.description.contains("2 addends and a tree over [") == true)
    }
    _ = try Reduction([operand, operand], into: operand, count: 1, tree: .join(.addend(1), .addend(0)))
  }

  @Test("a bias is added to every row and nowhere else") func bias() async throws {
    for make in Self.devices {
      let device = try make()
      for (rows, columns, gap) in [(0, 3, 0), (3, 0, 2), (1, 1, 0), (4, 6, 1), (3, 131, 5)] {
        let stride = columns + gap
        let values = (0..<rows * stride + 2).map { Float($0) }
        let matrix = try device.upload(values)
        let bias = (0..<columns).map { Float($0 * 1000) }
        try device.addBias(
          MatrixView(device.upload(bias), rows: 1, columns: columns),
          to: MatrixView(matrix, rows: rows, columns: columns, leadingDimension: stride, offset: 1))
        var expected = values
        for i in 0..<rows { for j in 0..<columns { expected[1 + i * stride + j] += bias[j] } }
        #expect(try await device.download(matrix) == expected, "\(device.name) \(rows) × \(columns)")
      }
    }
  }
}

extension Float {
  /// IEEE 754-2019 maximum: NaN where either is, and -0 less than +0.
  fileprivate static func maximumPropagatingNaN(_ x: Float, _ y: Float) -> Float {
    if x.isNaN || y.isNaN { return .nan }
    if x == y { return x.sign == .plus ? x : y }
    return x > y ? x : y
  }
}
