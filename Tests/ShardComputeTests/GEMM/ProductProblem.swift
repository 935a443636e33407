// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport

/// A product whose operands come from a seed, with a reference that is nothing but the definition of the order.
struct ProductProblem: CustomStringConvertible, Sendable {
  var m: Int, n: Int, k: Int
  var unit = 1
  var leaves = SumOrder.allLeaves
  var elementType = ElementType.f32
  var alpha: Float = 1
  var beta: Float = 0
  /// Elements between rows of A and C beyond their columns.
  var gap = 0
  /// Whether A is handed over as the transpose of a k × m matrix.
  var transposedA = false
  var activation = Epilogue.Activation.none
  var hasBias = false
  var hasResidual = false
  var isGated = false

  /// Columns of C.
  var width: Int { isGated ? n / 2 : n }
  /// One value for each row of the weight.
  var bias: [Float] {
    var random = RandomNumbers(seed: 77)
    return random.floats(n)
  }
  /// The shape of C.
  var residual: [Float] {
    var random = RandomNumbers(seed: 78)
    return random.floats(m * width)
  }
  var order: SumOrder { SumOrder(length: k, unit: unit) }
  var columns: Int { order.terms(of: leaves).count }
  var nodes: [SumNode] { SumNode.covering(leaves) }
  var description: String {
    "\(m)x\(n)x\(k) unit \(unit) leaves \(leaves) \(elementType) alpha \(alpha) beta \(beta) gap \(gap)"
      + (transposedA ? " A transposed" : "") + (hasBias ? " bias" : "") + (hasResidual ? " residual" : "")
      + " activation \(activation)" + (isGated ? " gated" : "")
  }

  /// Shapes that have reasons: nothing, one, fewer terms than leaves, primes, one either side of a tile or a panel.
  static let edgeShapes: [(Int, Int, Int)] = [
    (0, 5, 7), (5, 0, 7), (3, 5, 0), (1, 1, 1), (1, 1, 7), (2, 3, 8), (1, 33, 100), (7, 31, 9), (8, 32, 64),
    (9, 65, 61),
    (13, 31, 127), (14, 32, 128), (15, 33, 129), (29, 97, 257), (61, 67, 71), (128, 64, 300), (65, 129, 1031),
  ]

  /// Random operands (small integers where `exact`) as f32, rounded to the weight's type.
  func operands(seed: UInt64, exact: Bool) -> (a: [Float], w: [Float], c: [Float]) {
    var random = RandomNumbers(seed: seed)
    func value() -> Float {
      exact ? Float(Int.random(in: -4...4, using: &random)) : Float.random(in: -1...1, using: &random)
    }
    let a = (0..<m * columns).map { _ in value() }
    let w = (0..<n * columns).map { _ in elementType.rounded(value()) }
    let c = (0..<nodes.count * m * width).map { _ in value() }
    return (a, w, c)
  }

  /// What every device must return, bit for bit: chains of fma inside leaves, joined in the tree; one m × n matrix per node.
  func reference(_ a: [Float], _ w: [Float], _ c: [Float]) -> [Float] {
    let start = order.border(leaves.lowerBound)
    return reference(c) { leaf, i, j in
      var sum: Float = 0
      for p in order.border(leaf) - start..<order.border(leaf + 1) - start {
        sum.addProduct(a[i * columns + p], w[j * columns + p])
      }
      return sum
    }
  }

  /// The same, where `leaf` gives the sum of a leaf of element (i, j).
  func reference(_ c: [Float], leaf: (_ leaf: Int, _ i: Int, _ j: Int) -> Float) -> [Float] {
    func tree(_ node: SumNode, _ i: Int, _ j: Int) -> Float {
      guard node.level > 0 else { return leaf(node.index, i, j) }
      let left = SumNode(level: node.level - 1, index: 2 * node.index)
      return tree(left, i, j) + tree(SumNode(level: left.level, index: left.index + 1), i, j)
    }
    var result: [Float] = []
    for (x, node) in nodes.enumerated() {
      for i in 0..<m {
        for j in 0..<n {
          let scaled = alpha * tree(node, i, j)
          result.append(beta == 0 ? scaled : scaled.addingProduct(beta, c[(x * m + i) * n + j]))
        }
      }
    }
    return finished(result)
  }

  /// Bias, activation, gates and residual, one after the other.
  func finished(_ sums: [Float]) -> [Float] {
    let (bias, residual) = (bias, residual)
    let v = hasBias ? sums.indices.map { sums[$0] + bias[$0 % n] } : sums
    let activated = activation == .none ? v : v.map { activation($0) }
    let result =
      isGated
      ? (0..<m * width).map { activated[$0 / width * n + $0 % width * 2] * v[$0 / width * n + $0 % width * 2 + 1] }
      : activated
    return hasResidual ? zip(result, residual).map { $0 + $1 } : result
  }

  /// Runs the problem on `device`, by `multiply` where it is given; the elements of C without the gaps, and whether a
  /// guard word changed.
  func run(
    on device: any ComputeDevice, _ a: [Float], _ w: [Float], _ c: [Float], multiply: ((Product) throws -> Void)? = nil
  ) async throws -> (result: [Float], guardsIntact: Bool) {
    try await run(
      on: device, a, HostMemory(elementType.encode(w)), WeightFormat(elementType), c, multiply: multiply)
  }

  /// The same with a weight as a file has it.
  func run(
    on device: any ComputeDevice, _ a: [Float], _ w: HostMemory, _ format: WeightFormat, _ c: [Float],
    multiply: ((Product) throws -> Void)? = nil
  ) async throws -> (result: [Float], guardsIntact: Bool) {
    let guardWord = Float(bitPattern: 0x7fc0_dead)
    let guards = 19
    let (lda, ldc) = ((transposedA ? m : columns) + gap, width + gap)
    var storedA = [Float](repeating: .nan, count: (transposedA ? columns : m) * lda + 1)
    for i in 0..<m { for p in 0..<columns { storedA[transposedA ? p * lda + i : i * lda + p] = a[i * columns + p] } }
    var storedC = [Float](repeating: guardWord, count: guards + max(1, nodes.count) * m * ldc + guards)
    let at = { (x: Int, i: Int, j: Int) in guards + (x * m + i) * ldc + j }
    for x in nodes.indices {
      for i in 0..<m { for j in 0..<width { storedC[at(x, i, j)] = c[(x * m + i) * width + j] } }
    }

    let memoryA = try device.upload(storedA)
    let memoryC = try device.upload(storedC)
    let weight = try device.makeWeight(w, rows: n, order: order, leaves: leaves, format: format)
    let viewA =
      transposedA
      ? try MatrixView(memoryA, rows: columns, columns: m, leadingDimension: lda).transposed
      : try MatrixView(memoryA, rows: m, columns: columns, leadingDimension: lda)
    let viewC = try MatrixView(memoryC, rows: m, columns: width, leadingDimension: ldc, offset: guards)
    let product = try Product(
      viewA, weight, into: viewC, nodeStride: m * ldc, alpha: alpha, beta: beta, epilogue: epilogue(on: device))
    if let multiply { try multiply(product) } else { try device.multiply(product) }

    var out = try await device.download(memoryC, as: Float.self)
    var result: [Float] = []
    for x in nodes.indices {
      for i in 0..<m {
        for j in 0..<width {
          result.append(out[at(x, i, j)])
          out[at(x, i, j)] = guardWord
        }
      }
    }
    return (result, out.allSatisfy { $0.bitPattern == guardWord.bitPattern })
  }

  /// The epilogue with its operands on `device`, which begin behind an element and have gaps.
  func epilogue(on device: any ComputeDevice) throws -> Epilogue {
    var epilogue = Epilogue(activation: activation, isGated: isGated)
    if hasBias { epilogue.bias = try MatrixView(device.upload([.nan] + bias), rows: 1, columns: n, offset: 1) }
    if hasResidual {
      let ldr = width + gap
      var stored = [Float](repeating: .nan, count: 1 + m * ldr)
      for (index, value) in residual.enumerated() { stored[1 + index / width * ldr + index % width] = value }
      epilogue.residual = try MatrixView(
        device.upload(stored), rows: m, columns: width, leadingDimension: ldr, offset: 1)
    }
    return epilogue
  }
}

extension ElementType {
  /// The nearest value of this type, as f32.
  func rounded(_ value: Float) -> Float {
    switch self {
    case .f32: value
    case .f16: Float(Float16(value))
    case .bf16:
      Float(bitPattern: (value.bitPattern + 0x7fff + (value.bitPattern >> 16 & 1)) & 0xffff_0000)
    }
  }
}
