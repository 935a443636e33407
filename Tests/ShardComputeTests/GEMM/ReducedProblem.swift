import TestSupport

// SPDX-License-Identifier: Apache-2.0
@testable import ShardCompute

/// A product for a kernel that rounds, judged by sums in f64.
struct ReducedProblem: CustomStringConvertible {
  enum Numbers { case random, whole }

  var m: Int, n: Int
  /// Rounded up to whole blocks of the format.
  var k: Int
  var format: WeightFormat
  var leaves = SumOrder.allLeaves
  var alpha: Float = 1
  var beta: Float = 0
  /// Elements between rows of A and C beyond their columns.
  var gap = 0
  var transposedA = false
  var numbers = Numbers.random
  /// What random activations are multiplied by.
  var scale: Float = 1
  /// Whether row 2 has a NaN and row 3 an infinity.
  var special = false

  init(m: Int, n: Int, k: Int, format: WeightFormat) {
    (self.m, self.n, self.format) = (m, n, format)
    self.k = (k + format.blockLength - 1) / format.blockLength * format.blockLength
  }

  var description: String {
    "\(m)x\(n)x\(k) \(format.rawValue) leaves \(leaves) scale \(scale) A transposed \(transposedA)"
  }

  struct Outcome {
    let found: [Float]
    let expected: [Double]
    let largestErrorOverBound: Double
    let guardsIntact: Bool
  }

  private var order: SumOrder { SumOrder(length: k, unit: format.blockLength) }
  private var columns: Int { order.terms(of: leaves).count }
  private var nodes: [SumNode] { SumNode.covering(leaves) }
  private var ldc: Int { n + gap }
  private static let guards = 19
  private static let guardWord = Float(bitPattern: 0x7fc0_dead)

  private var activations: [Float] {
    var random = RandomNumbers(seed: 11)
    var a = numbers == .whole ? random.integers(m * columns, in: -4...4) : random.floats(m * columns).map { $0 * scale }
    if special { (a[2 * columns + 5], a[3 * columns + 6]) = (.nan, .infinity) }
    return a
  }

  private var old: [Float] {
    var random = RandomNumbers(seed: 12)
    return random.integers(nodes.count * m * n, in: -4...4)
  }

  /// The weight as a file has it.
  private var weights: HostMemory {
    var random = RandomNumbers(seed: 13)
    guard let type = format.elementType else {
      var bytes = random.bytes(n * columns / format.blockLength * format.blockByteCount)
      for block in stride(from: 0, to: bytes.count, by: format.blockByteCount) {
        // A scale of 2⁻⁶ to 2⁻⁷ in the first half of each block.
        (bytes[block], bytes[block + 1]) = (bytes[block], 0x20 | bytes[block + 1] & 3)
      }
      return HostMemory(bytes)
    }
    return HostMemory(
      numbers == .whole ? random.integers(n * columns, in: -4...4) : random.floats(n * columns), as: type)
  }

  func product(on device: any ComputeDevice, arithmetic: Arithmetic) throws -> (product: Product, c: DeviceMemory) {
    let lda = (transposedA ? m : columns) + gap
    var storedA = [Float](repeating: .nan, count: (transposedA ? columns : m) * lda + 1)
    for (index, value) in activations.enumerated() {
      let (i, p) = (index / columns, index % columns)
      storedA[transposedA ? p * lda + i : i * lda + p] = value
    }
    var storedC = [Float](repeating: Self.guardWord, count: 2 * Self.guards + nodes.count * m * ldc)
    for (index, value) in old.enumerated() { storedC[position(index)] = value }
    let (memoryA, memoryC) = (try device.upload(storedA), try device.upload(storedC))
    let a =
      transposedA
      ? try MatrixView(memoryA, rows: columns, columns: m, leadingDimension: lda).transposed
      : try MatrixView(memoryA, rows: m, columns: columns, leadingDimension: lda)
    let product = try Product(
      a, device.makeWeight(weights, rows: n, order: order, leaves: leaves, format: format),
      into: MatrixView(memoryC, rows: m, columns: n, leadingDimension: ldc, offset: Self.guards), nodeStride: m * ldc,
      alpha: alpha, beta: beta, arithmetic: arithmetic)
    return (product, memoryC)
  }

  /// Where element `index` of the addends without gaps lies.
  private func position(_ index: Int) -> Int { Self.guards + index / n * ldc + index % n }

  func run(_ kernel: any ProbedKernel.Type, on device: OpenCLDevice) async throws -> Outcome {
    let (product, memory) = try product(on: device, arithmetic: .reduced)
    try await device.enqueue { try device.multiply(product, with: kernel.name) }
    var stored = try await device.download(memory, as: Float.self)
    let found = (0..<nodes.count * m * n).map { stored[position($0)] }
    for index in found.indices { stored[position(index)] = Self.guardWord }
    let intact = stored.allSatisfy { $0.bitPattern == Self.guardWord.bitPattern }

    let (a, c) = (activations, old)
    let w = weights.decoded(rows: 0..<n, columns: columns, format).values
    let start = order.border(leaves.lowerBound)
    var (expected, worst): ([Double], Double) = ([], 0)
    for (x, node) in nodes.enumerated() {
      let terms = order.terms(of: node.leaves)
      let range = terms.lowerBound - start..<terms.upperBound - start
      for i in 0..<m {
        for j in 0..<n {
          let row = a[i * columns + range.lowerBound..<i * columns + range.upperBound]
          let column = w[j * columns + range.lowerBound..<j * columns + range.upperBound]
          let sum = zip(row, column).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
          let index = (x * m + i) * n + j
          let added = beta == 0 ? 0 : Double(beta) * Double(c[index])
          expected.append(Double(alpha) * sum + added)
          let magnitude = abs(Double(alpha)) * Magnitudes(row, column).terms + abs(added)
          let bound =
            Double(k + 8) * 0x1p-24 * magnitude
            + abs(Double(alpha)) * kernel.roundingError(row, column, format)
          let error = abs(Double(found[index]) - expected[index])
          worst = max(worst, error == 0 ? 0 : (error / bound).isNaN ? .infinity : error / bound)
        }
      }
    }
    return Outcome(found: found, expected: expected, largestErrorOverBound: worst, guardsIntact: intact)
  }
}
