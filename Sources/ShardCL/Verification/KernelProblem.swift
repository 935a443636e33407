// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A product on one device, with everything that a sharded one does not use: C = α · A · Wᵀ + β · C with gaps between
/// rows, A transposed, some of the leaves only, or an epilogue.
struct KernelProblem: Sendable, CustomStringConvertible {
  let m: Int
  let n: Int
  let k: Int
  let format: WeightFormat
  var variant = Variant.plain
  /// The kernel to run, one that leaves the order of addition; nil for the one that is chosen.
  var reducedKernel: String?
  /// What follows the sums of a plain product.
  var steps = EpilogueSteps()

  /// What makes a product unusual.
  enum Variant: String, CaseIterable, Sendable {
    case plain
    /// α = -0.5, β = 2.
    case scaled
    /// A is the transpose of a row-major matrix.
    case transposed
    /// Leaves 3 to 5 only, which are two addends.
    case leaves
  }

  var description: String { "\(format.rawValue)/\(m)x\(n)x\(k)/\(steps.isNone ? "\(variant)" : "\(steps)")" }

  /// Columns of C.
  private var width: Int { steps.columns(n) }
  private var order: SumOrder { SumOrder(length: k, unit: format.blockLength) }
  private var leaves: Range<Int> { variant == .leaves ? 3..<6 : SumOrder.allLeaves }
  private var terms: Range<Int> { order.terms(of: leaves) }
  private var nodes: [SumNode] { SumNode.covering(leaves) }
  private var alpha: Float { variant == .scaled ? -0.5 : 1 }
  private var beta: Float { variant == .scaled ? 2 : 0 }
  /// Elements between rows of A and C beyond their columns.
  private var gap: Int { 3 }

  /// The kernel that runs it on `device`; nothing is run to find out.
  func kernelName(on device: any ComputeDevice) throws -> String {
    let columns = terms.count
    let isTransposed = variant == .transposed
    let a = try MatrixView(
      try device.allocate(byteCount: 4 * m * columns), rows: isTransposed ? columns : m,
      columns: isTransposed ? m : columns)
    let weight = try Weight(on: device, rows: n, order: order, leaves: leaves, format: format)
    let c = try MatrixView(try device.allocate(byteCount: 4 * nodes.count * m * n), rows: m, columns: width)
    let epilogue = try epilogue(
      bias: device.allocate(byteCount: 4 * n), residual: device.allocate(byteCount: 4 * m * (width + gap)))
    return device.kernelName(
      for: try Product(
        isTransposed ? a.transposed : a, weight, into: c, alpha: alpha, beta: beta, epilogue: epilogue))
  }

  func run(on device: any ComputeDevice, seed: UInt64) async throws -> Findings {
    var findings = Findings()
    // Activations in blocks of 8 bits are not even exact where they are whole.
    let isExact = reducedKernel == nil || !format.isQuantised
    for numbers in isExact ? Numbers.allCases : [.random] {
      let operands = try Operands(self, numbers, seed: seed)
      let result = try await result(on: device, operands)
      findings.strayBytes += result.strayBytes
      switch numbers {
      case .random:
        findings.largestErrorOverBound = errorOverBound(result.c, operands)
        let host = try await self.result(on: HostDevice(), operands)
        findings.mayRound = reducedKernel != nil
        findings.sameBits = host.c.map(\.bitPattern) == result.c.map(\.bitPattern)
      case .whole:
        forEachElement { index, x, i, j in
          if result.c[index] != exactValue(operands, x, i, j) { findings.differentElements += 1 }
        }
      }
    }
    return findings
  }

  /// Row-major operands without gaps.
  struct Operands {
    let a: [Float]
    let weight: HostMemory
    /// The weight as f32.
    let values: DecodedRows
    let c: [Float]
    let bias: [Float]
    /// The shape of C.
    let residual: [Float]

    init(_ problem: KernelProblem, _ numbers: Numbers, seed: UInt64) throws {
      let (m, n, columns) = (problem.m, problem.n, problem.terms.count)
      a = numbers.values(m * columns, seed: seed, "\(problem)/a")
      weight = try numbers.weight(
        rows: n, columns: columns, problem.format, seed: seed, "\(problem)/weight")
      values = weight.decoded(rows: 0..<n, columns: columns, problem.format)
      c = numbers.values(problem.nodes.count * m * problem.width, seed: seed, "\(problem)/c")
      bias = problem.steps.hasBias ? numbers.values(n, seed: seed, "\(problem)/bias") : []
      residual = problem.steps.hasResidual ? numbers.values(m * problem.width, seed: seed, "\(problem)/residual") : []
    }
  }

  /// The product with its operands on `device`, and the memory of C.
  private func product(
    on device: any ComputeDevice, _ operands: Operands
  ) throws -> (product: Product, c: GuardedOperand) {
    let columns = terms.count
    let isTransposed = variant == .transposed
    let (lda, ldc) = ((isTransposed ? m : columns) + gap, width + gap)
    var a = [Float](repeating: .nan, count: (isTransposed ? columns : m) * lda)
    for i in 0..<m {
      for p in 0..<columns { a[isTransposed ? p * lda + i : i * lda + p] = operands.a[i * columns + p] }
    }
    var c = [Float](repeating: Self.gapValue, count: nodes.count * m * ldc)
    forEachElement { index, x, i, j in c[(x * m + i) * ldc + j] = operands.c[index] }
    let memoryA = try device.upload(a)
    let viewA =
      isTransposed
      ? try MatrixView(memoryA, rows: columns, columns: m, leadingDimension: lda).transposed
      : try MatrixView(memoryA, rows: m, columns: columns, leadingDimension: lda)
    let memoryC = try GuardedOperand(device, c, count: c.count)
    let weight = try device.makeWeight(
      operands.weight, rows: n, order: order, leaves: leaves, format: format)
    let viewC = try MatrixView(memoryC.memory, rows: m, columns: width, leadingDimension: ldc, offset: memoryC.offset)
    var residual = [Float](repeating: .nan, count: m * ldc)
    for (index, value) in operands.residual.enumerated() { residual[index / width * ldc + index % width] = value }
    let product = try Product(
      viewA, weight, into: viewC, nodeStride: m * ldc, alpha: alpha, beta: beta,
      arithmetic: reducedKernel == nil ? .ordered : .reduced,
      epilogue: epilogue(bias: device.upload(operands.bias), residual: device.upload(residual)))
    return (product, memoryC)
  }

  private func epilogue(bias: DeviceMemory, residual: DeviceMemory) throws -> Epilogue {
    try Epilogue(
      bias: steps.hasBias ? MatrixView(bias, rows: 1, columns: n) : nil, activation: steps.activation,
      isGated: steps.isGated,
      residual: steps.hasResidual
        ? MatrixView(residual, rows: m, columns: width, leadingDimension: width + gap) : nil)
  }

  private static let gapValue = Float(bitPattern: 0x7fc0_dead)

  /// C without gaps, and how many bytes around it or in a gap were written.
  private func result(
    on device: any ComputeDevice, _ operands: Operands
  ) async throws -> (c: [Float], strayBytes: Int) {
    let (product, memory) = try product(on: device, operands)
    if let reducedKernel, let device = device as? OpenCLDevice {
      try await device.enqueue { try device.multiply(product, with: reducedKernel) }
    } else {
      try device.multiply(product)
    }
    let (elements, stray) = try await memory.contents()
    var all = elements.array(of: Float.self)
    var c: [Float] = []
    c.reserveCapacity(nodes.count * m * width)
    forEachElement { _, x, i, j in
      let position = (x * m + i) * (width + gap) + j
      c.append(all[position])
      all[position] = Self.gapValue
    }
    return (c, stray + 4 * all.count { $0.bitPattern != Self.gapValue.bitPattern })
  }

  private func forEachElement(_ body: (_ index: Int, _ node: Int, _ i: Int, _ j: Int) -> Void) {
    var index = 0
    for x in nodes.indices { for i in 0..<m { for j in 0..<width { body(index, x, i, j); index += 1 } } }
  }

  /// Sum (i, j) of an addend in f64, and the sum of the magnitudes of its terms.
  private func reference(_ operands: Operands, _ node: Int, _ i: Int, _ j: Int) -> (value: Double, magnitude: Double) {
    let columns = terms.count
    let range = order.terms(of: nodes[node].leaves)
    var (sum, magnitude) = (0.0, 0.0)
    for p in range.lowerBound - terms.lowerBound..<range.upperBound - terms.lowerBound {
      let factor = Double(operands.a[i * columns + p])
      sum += factor * Double(operands.values.values[j * columns + p])
      magnitude += abs(factor) * Double(operands.values.magnitude(j * columns + p))
    }
    let old = beta == 0 ? 0 : Double(beta) * Double(operands.c[(node * m + i) * width + j])
    return (Double(alpha) * sum + old, abs(Double(alpha)) * magnitude + abs(old))
  }

  /// Element (i, j) of an addend where all sums are exact.
  private func exactValue(_ operands: Operands, _ node: Int, _ i: Int, _ j: Int) -> Float {
    func sum(_ column: Int) -> Float {
      Float(reference(operands, node, i, column).value) + (steps.hasBias ? operands.bias[column] : 0)
    }
    let first = steps.isGated ? 2 * j : j
    return steps.apply(
      sum(first), next: steps.isGated ? sum(first + 1) : 0,
      residual: steps.hasResidual ? operands.residual[i * width + j] : 0)
  }

  /// Element (i, j) of a product with an epilogue, and how far off it may be.
  private func finished(_ operands: Operands, _ i: Int, _ j: Int) -> Approximate {
    func sum(_ column: Int) -> Approximate {
      let (value, magnitude) = reference(operands, 0, i, column)
      let sum = Approximate(value: value, error: ErrorBound.unit(terms: k) * magnitude)
      return steps.hasBias ? sum + Double(operands.bias[column]) : sum
    }
    let first = steps.isGated ? 2 * j : j
    return steps.apply(
      sum(first), next: sum(steps.isGated ? first + 1 : first),
      residual: steps.hasResidual ? operands.residual[i * width + j] : 0)
  }

  private func errorOverBound(_ c: [Float], _ operands: Operands) -> Double {
    var worst = 0.0
    forEachElement { index, x, i, j in
      guard steps.isNone else {
        let expected = finished(operands, i, j)
        worst = max(
          worst, ErrorBound.ratio(Double(c[index]), expected.value, magnitude: 0, terms: k, rounding: expected.error))
        return
      }
      let (value, magnitude) = reference(operands, x, i, j)
      worst = max(
        worst,
        ErrorBound.ratio(
          Double(c[index]), value, magnitude: magnitude, terms: k, rounding: roundingError(operands, x, i, j)))
    }
    return worst
  }

  /// What a kernel that leaves the order may be off by beyond the error of an f32 sum.
  private func roundingError(_ operands: Operands, _ node: Int, _ i: Int, _ j: Int) -> Double {
    guard let reducedKernel else { return 0 }
    let columns = terms.count
    let range = order.terms(of: nodes[node].leaves)
    let (first, end) = (range.lowerBound - terms.lowerBound, range.upperBound - terms.lowerBound)
    return abs(Double(alpha))
      * ReducedKernels.roundingError(
        of: reducedKernel, operands.a[i * columns + first..<i * columns + end],
        operands.values.values[j * columns + first..<j * columns + end], format)
  }
}

/// The bound on errors: (terms + 8) · 2⁻²⁴ · Σ|terms|, and one rounding of the storage type.
enum ErrorBound {
  /// What the magnitudes of a sum of `terms` are multiplied by.
  static func unit(terms: Int) -> Double { Double(terms + 8) * 0x1p-24 }

  /// |found − expected| in units of the bound; infinite where only one of them is a number.
  static func ratio(
    _ found: Double, _ expected: Double, magnitude: Double, terms: Int, storage: ElementType = .f32,
    rounding: Double = 0
  ) -> Double {
    if found == expected || (found.isNaN && expected.isNaN) { return 0 }
    let storing = storage == .f32 ? 0 : max(abs(expected) * storage.unitRoundoff * 1.01, 0x1p-25)
    let ratio = abs(found - expected) / (unit(terms: terms) * magnitude + storing + rounding)
    return ratio.isNaN ? .infinity : ratio
  }
}
