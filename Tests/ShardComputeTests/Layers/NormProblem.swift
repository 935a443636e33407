// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport

/// A norm whose operands come from a seed, with its definition.
struct NormProblem: CustomStringConvertible, Sendable {
  /// Where the result goes.
  enum Place: CaseIterable { case apart, x, delta }

  var kind: Norm.Kind
  var rows: Int
  var columns: Int
  var place = Place.apart
  var headSize: Int?
  var hasDelta = false
  var hasWeight = true
  var hasBias = false
  var weightOffset: Float = 0
  var epsilon: Float = 1e-5
  /// Elements between rows beyond their columns.
  var gap = 0
  /// What is normed, where it is not random.
  var x: [Float]?

  init(_ kind: Norm.Kind, rows: Int, columns: Int, place: Place = .apart) {
    (self.kind, self.rows, self.columns, self.place) = (kind, rows, columns, place)
  }

  var description: String {
    "\(kind) \(rows)x\(columns) heads of \(headSize ?? columns) into \(place), gap \(gap), ε \(epsilon)"
      + (hasDelta ? ", delta" : "") + (hasWeight ? ", \(weightOffset) + weight" : "") + (hasBias ? ", bias" : "")
  }

  struct Operands {
    var x: [Float]
    let delta: [Float]
    let weight: [Float]
    let bias: [Float]
  }

  func operands(_ seed: TestSeed) -> Operands {
    var numbers = RandomNumbers(seed)
    let size = headSize ?? columns
    let random = numbers.floats(rows * columns)
    return Operands(
      x: x ?? random, delta: numbers.floats(rows * columns), weight: numbers.floats(size), bias: numbers.floats(size))
  }

  /// What every device must return, bit for bit: the result, and x afterwards.
  func definition(_ operands: Operands) -> (result: [Float], x: [Float]) {
    let x = hasDelta ? zip(operands.x, operands.delta).map { $0 + $1 } : operands.x
    let n = headSize ?? columns
    guard n > 0 else { return ([], []) }
    let inverse = Float(1 / Double(n))
    var result: [Float] = []
    for start in stride(from: 0, to: x.count, by: n) {
      let row = Array(x[start..<start + n])
      let mean = kind == .layer ? RowDefinition.sum(n) { $0 += row[$1] } * inverse : 0
      let squares = RowDefinition.sum(n) { $0.addProduct(row[$1] - mean, row[$1] - mean) }
      let r = RowDefinition.apply(.rsqrt, squares * inverse + epsilon)
      result += row.indices.map { j in
        let w = hasWeight ? weightOffset + operands.weight[j] : 1
        return (hasBias ? operands.bias[j] : -0.0).addingProduct((row[j] - mean) * r, w)
      }
    }
    return (result, place == .x ? result : x)
  }

  /// The result, x afterwards, and whether guard words and operands that are only read are as they were.
  func run(
    on device: any ComputeDevice, _ operands: Operands
  ) async throws -> (result: [Float], x: [Float], isIntact: Bool) {
    func matrix(_ values: [Float], _ gap: Int) throws -> GappedMatrix {
      try GappedMatrix(device, values, rows: rows, columns: columns, gap: gap)
    }
    let (x, delta) = (try matrix(operands.x, gap), try matrix(operands.delta, 2 * gap))
    let apart = try matrix(.init(repeating: 7, count: rows * columns), gap + 1)
    let result = place == .apart ? apart : place == .x ? x : delta
    let weight = try GappedMatrix(device, operands.weight, rows: 1, columns: headSize ?? columns)
    let bias = try GappedMatrix(device, operands.bias, rows: 1, columns: headSize ?? columns)
    try device.normalise(
      Norm(
        kind, of: x.view, adding: hasDelta ? delta.view : nil, weight: hasWeight ? weight.view : nil,
        weightOffset: weightOffset, bias: hasBias ? bias.view : nil, epsilon: epsilon, headSize: headSize,
        into: result.view))
    let (found, sums) = (try await result.contents(), try await x.contents())
    let (deltas, weights) = (try await delta.contents(), try await weight.contents())
    let unchanged =
      (place == .delta || differences(deltas.values, operands.delta).isEmpty) && weights.values == operands.weight
    return (found.values, sums.values, found.isIntact && sums.isIntact && deltas.isIntact && unchanged)
  }
}
