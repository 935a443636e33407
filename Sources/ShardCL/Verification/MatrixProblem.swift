// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// An operation on matrices of one shape, on one device.
struct MatrixProblem: Sendable, CustomStringConvertible {
  let rows: Int
  let columns: Int
  /// Elements between rows beyond their columns.
  private let gap = 2

  init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

  var description: String { "\(rows)x\(columns)" }
  private var stride: Int { columns + gap }
  private var count: Int { rows * columns }

  /// Runs `body` on both kinds of numbers, and adds up what it finds.
  private func onNumbers(_ body: (Numbers) async throws -> Findings) async throws -> Findings {
    var sum = Findings()
    for numbers in Numbers.allCases {
      let findings = try await body(numbers)
      sum.largestErrorOverBound = max(sum.largestErrorOverBound, findings.largestErrorOverBound)
      sum.sameBits = sum.sameBits && findings.sameBits
      sum.differentElements += findings.differentElements
      sum.strayBytes += findings.strayBytes
    }
    return sum
  }

  /// Adding one row to all.
  func bias(on device: any ComputeDevice, seed: UInt64) async throws -> Findings {
    try await onNumbers { numbers in
      let values = numbers.values(count, seed: seed, "bias/\(self)/matrix")
      let bias = numbers.values(columns, seed: seed, "bias/\(self)/bias")
      let memory = try GuardedOperand(device, spread(values), count: rows * stride)
      try device.addBias(
        try MatrixView(try device.upload(bias), rows: 1, columns: columns),
        to: try MatrixView(memory.memory, rows: rows, columns: columns, leadingDimension: stride, offset: memory.offset)
      )
      let expected = values.indices.map { values[$0] + bias[$0 % columns] }
      var findings = try await judge(memory, expected, numbers, .f32)
      for (index, value) in try await elements(of: memory).enumerated() {
        let terms = [Double(values[index]), Double(bias[index % columns])]
        let magnitude = abs(terms[0]) + abs(terms[1])
        findings.largestErrorOverBound = max(
          findings.largestErrorOverBound,
          ErrorBound.ratio(Double(value), terms[0] + terms[1], magnitude: magnitude, terms: 2))
      }
      return findings
    }
  }

  /// A strided copy.
  func copy(_ elementType: ElementType, on device: any ComputeDevice, seed: UInt64) async throws -> Findings {
    try await onNumbers { numbers in
      let values = rounded(numbers.values(count, seed: seed, "copy/\(self)"), elementType)
      let source = try GuardedOperand(device, values, count: count, as: elementType)
      let target = try GuardedOperand(
        device, spread([Float](repeating: 9, count: count)), count: rows * stride, as: elementType)
      try device.copy(
        try MatrixView(source.memory, rows: rows, columns: columns, offset: source.offset, elementType: elementType),
        to: try MatrixView(
          target.memory, rows: rows, columns: columns, leadingDimension: stride, offset: target.offset,
          elementType: elementType))
      return try await judge(target, values, numbers, elementType)
    }
  }

  /// A matrix and its transpose into the panels of a weight.
  func pack(_ elementType: ElementType, on device: any ComputeDevice, seed: UInt64) async throws -> Findings {
    try await onNumbers { numbers in
      var findings = Findings()
      let values = rounded(numbers.values(count, seed: seed, "pack/\(self)"), elementType)
      for isTransposed in [false, true] {
        let (n, k) = isTransposed ? (columns, rows) : (rows, columns)
        let source = try GuardedOperand(device, values, count: count, as: elementType)
        let view = try MatrixView(
          source.memory, rows: rows, columns: columns, offset: source.offset, elementType: elementType)
        let weight = try Weight(on: device, rows: n, order: SumOrder(length: k), format: WeightFormat(elementType))
        try device.fill(weight.memory, at: 0, byteCount: weight.memory.byteCount & ~3, with: 0x7fff_7fff)
        try device.pack(isTransposed ? view.transposed : view, into: weight)
        let bytes = HostMemory(try await device.download(weight.memory, as: UInt8.self))
        let width = weight.panelWidth
        let panels = bytes.floats(0..<weight.panelCount * width * k, elementType)
        for (position, value) in panels.enumerated() {
          let (row, column) = (position / (width * k) * width + position % width, position / width % k)
          let expected =
            row >= n ? 0 : isTransposed ? values[column * columns + row] : values[row * columns + column]
          if value != expected { findings.differentElements += 1 }
        }
      }
      return findings
    }
  }

  /// Joining several matrices in the order of the tree.
  func reduce(
    _ addends: Int, _ operation: Reduction.Operation, _ elementType: ElementType, on device: any ComputeDevice,
    seed: UInt64
  ) async throws -> Findings {
    try await onNumbers { numbers in
      let values = (0..<addends).map {
        rounded(numbers.values(count, seed: seed, "reduce/\(self)/\($0)"), elementType)
      }
      let sources = try values.map { try GuardedOperand(device, $0, count: count, as: elementType) }
      let target = try GuardedOperand(
        device, spread([Float](repeating: 9, count: count)), count: rows * stride, as: elementType)
      try device.reduce(
        try Reduction(
          sources.map { $0.operand() }, into: target.operand(), rows: rows, count: columns,
          destinationStride: stride, elementType: elementType, operation: operation))
      let joined = Joined(values, operation, elementType)
      var findings = try await judge(target, joined.stored, numbers, elementType)
      let found = try await elements(of: target)
      for (index, value) in found.enumerated() {
        findings.largestErrorOverBound = max(
          findings.largestErrorOverBound,
          ErrorBound.ratio(
            Double(value), joined.exact[index], magnitude: joined.magnitudes[index], terms: addends,
            storage: elementType))
      }
      return findings
    }
  }

  /// Compares bits with what the definition says, and looks at gaps and guards.
  private func judge(
    _ memory: GuardedOperand, _ expected: [Float], _ numbers: Numbers, _ elementType: ElementType
  ) async throws -> Findings {
    var findings = Findings()
    let (bytes, stray) = try await memory.contents()
    let all = bytes.floats(0..<rows * stride, elementType)
    findings.strayBytes = stray
    var different = 0
    for row in 0..<rows {
      for column in 0..<stride {
        let found = all[row * stride + column]
        if column >= columns {
          if found != Self.gapValue { findings.strayBytes += elementType.byteCount }
        } else if found.bitPattern != expected[row * columns + column].bitPattern {
          different += 1
        }
      }
    }
    if numbers == .whole { findings.differentElements = different } else { findings.sameBits = different == 0 }
    return findings
  }

  private static let gapValue: Float = 77

  /// Rows with gaps between them.
  private func spread(_ values: [Float]) -> [Float] {
    (0..<rows * stride).map { position in
      let (row, column) = (position / stride, position % stride)
      return column < columns ? values[row * columns + column] : Self.gapValue
    }
  }

  private func elements(of memory: GuardedOperand) async throws -> [Float] {
    let all = try await memory.contents().elements.floats(0..<rows * stride, memory.elementType)
    return (0..<count).map { all[$0 / columns * stride + $0 % columns] }
  }
}
