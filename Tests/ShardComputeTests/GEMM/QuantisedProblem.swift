// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A product with a quantised weight, whose operands come from a seed, and its sums by definition: a chain of fma for
/// each group, then fma with scale and offset from group to group inside a leaf.
struct QuantisedProblem: CustomStringConvertible, Sendable {
  let format: WeightFormat
  /// The largest shape of the problem; `expectedResult` also gives what smaller m and n make.
  var shape: ProductProblem

  /// `blocks` and `unit` are counted in blocks.
  init(_ format: WeightFormat, m: Int, n: Int, blocks: Int, unit: Int = 1, leaves: Range<Int> = SumOrder.allLeaves) {
    self.format = format
    shape = ProductProblem(
      m: m, n: n, k: blocks * format.blockLength, unit: unit * format.blockLength, leaves: leaves)
  }

  var description: String { "\(format.rawValue) \(shape)" }

  struct Operands {
    var a: [Float]
    var weight: HostMemory
    var c: [Float]
  }

  func operands(seed: UInt64, whole: Bool = false) throws -> Operands {
    let (a, _, c) = shape.operands(seed: seed, exact: whole)
    let numbers = SeededNumbers(seed: seed, name: "\(self)")
    return Operands(
      a: a, weight: try numbers.blocks(rows: shape.n, columns: shape.columns, format: format, whole: whole), c: c)
  }

  /// The sums of all leaves here, of every element.
  struct LeafSums {
    let first: Int
    let sums: [[[Float]]]
    func callAsFunction(_ leaf: Int, _ i: Int, _ j: Int) -> Float { sums[leaf - first][i][j] }
  }

  func leafSums(_ operands: Operands) -> LeafSums {
    let rows = QuantisedRow.rows(operands.weight, count: shape.n, format)
    let (order, length, columns) = (shape.order, format.groupLength, shape.columns)
    let hasOffsets = [.q4_1, .q5_1, .q4_K, .q5_K].contains(format)
    let start = order.border(shape.leaves.lowerBound)
    return LeafSums(
      first: shape.leaves.lowerBound,
      sums: shape.leaves.map { leaf in
        let terms = order.border(leaf) - start..<order.border(leaf + 1) - start
        let groups = terms.lowerBound / length..<terms.upperBound / length
        return (0..<shape.m).map { i in
          let x = operands.a[i * columns + terms.lowerBound..<i * columns + terms.upperBound]
          return rows.map { $0.sum(groups, times: x, hasOffsets: hasOffsets) }
        }
      })
  }

  /// Runs the first `m` rows of A with the first `n` rows of the weight.
  func run(on device: any ComputeDevice, _ operands: Operands, m: Int, n: Int) async throws -> (
    problem: ProductProblem, c: [Float], result: [Float], guardsIntact: Bool
  ) {
    var part = shape
    (part.m, part.n) = (m, n)
    let c = Array(operands.c.prefix(part.nodes.count * m * n))
    let rows = operands.weight.array(of: UInt8.self).prefix(try format.byteCount(rows: n, columns: shape.columns))
    let (result, intact) = try await part.run(
      on: device, Array(operands.a.prefix(m * shape.columns)), HostMemory(Array(rows)), format, c)
    return (part, c, result, intact)
  }
}
