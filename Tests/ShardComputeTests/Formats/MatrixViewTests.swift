// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("sizes") struct MatrixViewTests {
  static let devices: [@Sendable () throws -> any ComputeDevice] = [
    { HostDevice() }, { try #require(try TestDevices.openCL()) },
  ]

  @Test("an empty part of a matrix can be copied wherever it lies") func emptyParts() async throws {
    for make in Self.devices {
      let device = try make()
      // Three rows of 4 in memory that ends with the last one; 5 from row to row.
      let matrix = try MatrixView(
        device.upload((0..<14).map(Float.init)), rows: 3, columns: 4, leadingDimension: 5)
      let target = try MatrixView(device.allocate(byteCount: 0), rows: 0, columns: 4)
      try device.copy(matrix.rows(3..<3), to: target)
      try device.copy(matrix.columns(4..<4), to: MatrixView(target.memory, rows: 3, columns: 0))
      #expect(throws: ComputeError.self) { try matrix.rows(2..<4) }
      #expect(throws: ComputeError.self) { try matrix.columns(-1..<2) }
      try await device.finish()
    }
  }

  @Test("an empty matrix may have a long side", arguments: [1 << 33, Int.max >> 6])
  func longSides(side: Int) async throws {
    for make in Self.devices {
      let device = try make()
      let memory = try device.allocate(byteCount: 4)
      let (rows, columns) = (
        try MatrixView(memory, rows: side, columns: 0), try MatrixView(memory, rows: 0, columns: side)
      )
      try device.copy(rows, to: rows)
      try device.copy(columns, to: columns)
      let operand = Reduction.Operand(memory)
      try device.reduce(Reduction([operand], into: operand, rows: side, count: 0))
      try device.addBias(MatrixView(memory, rows: 1, columns: 0), to: rows)
      let row = try MatrixView(memory, rows: 1, columns: 1, leadingDimension: side)
      try device.copy(row, to: MatrixView(device.allocate(byteCount: 4), rows: 1, columns: 1, leadingDimension: side))
      try await device.finish()
    }
  }

  @Test("sizes and leaves that are not possible are errors") func impossible() throws {
    for make in Self.devices {
      let device = try make()
      let memory = try device.allocate(byteCount: 4)
      let order = SumOrder(length: 16)
      #expect(throws: ComputeError.self) { try MatrixView(memory, rows: .max, columns: 0) }
      #expect(throws: ComputeError.self) { try MatrixView(memory, rows: 1, columns: 1, leadingDimension: .max) }
      for (rows, order, leaves) in [
        (Int.max, order, 0..<8), (-1, order, 0..<8), (1 << 56, order, 0..<8), (1, SumOrder(length: .max), 0..<8),
        (1, order, -1..<8), (1, order, 0..<9),
      ] {
        #expect(throws: ComputeError.self) {
          try Weight(on: device, rows: rows, order: order, leaves: leaves, format: .f32)
        }
        #expect(throws: ComputeError.self) {
          try device.makeWeight(
            HostMemory(byteCount: 64), rows: rows, order: order, leaves: leaves, format: .f32)
        }
      }
      for steps in [-1, Int(Int32.max) + 1] {
        #expect(throws: ComputeError.self) { try device.enqueueFMALoop(steps: steps) }
      }
    }
    let none = HostMemory(byteCount: 0)
    #expect(throws: ComputeError.self) {
      try ProductReference(m: 1 << 62, n: 1, k: 4, a: none, weight: none, format: .f32)
    }
  }

  @Test("a reduction's tree uses each addend once") func trees() throws {
    let memory = try HostDevice().allocate(byteCount: 8)
    let operands = [Reduction.Operand(memory), Reduction.Operand(memory, offset: 1)]
    for tree: ReductionTree in [
      .join(.addend(0), .addend(2)), .join(.addend(0), .addend(0)), .join(.addend(-1), .addend(0)), .addend(0),
      .join(.addend(0), .addend(256)),
    ] {
      #expect(throws: ComputeError.self) { try Reduction(operands, into: operands[0], count: 1, tree: tree) }
    }
  }
}
