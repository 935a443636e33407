// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// A product to measure: m rows of random activations times a weight.
public struct MatmulProblem: Sendable {
  /// Rows of the activations: tokens.
  public let m: Int
  /// How the product is spread over ranks.
  public let layout: ProductLayout
  /// The weight, out × in.
  public let weight: any MatrixSource & Sendable
  /// How the weight is stored where it comes from, such as `Q4_K`.
  public let weightFormat: String
  /// Rows (column-parallel) or columns (row-parallel) of the weight that stay together: a head, a quantisation block.
  public let unit: Int
  /// What the weight is in its model; nil for random numbers.
  public let layer: String?

  /// A product with a weight of a model.
  public init(
    m: Int, weight: some MatrixSource & Sendable, weightFormat: String, layout: ProductLayout, unit: Int = 1,
    layer: String? = nil
  ) {
    self.m = m
    self.layout = layout
    self.weight = weight
    self.weightFormat = weightFormat
    self.unit = leastCommonMultiple(unit, layout == .row ? weight.format.blockLength : 1)
    self.layer = layer
  }

  /// A product with a random weight of n × k that follows from `seed`.
  ///
  /// - Throws: `ComputeError.allocationTooLarge` for a weight that this machine has no memory for.
  public init(
    m: Int, n: Int, k: Int, format: WeightFormat, layout: ProductLayout, seed: UInt64
  ) throws {
    self.init(
      m: m, weight: try HostMatrix.random(rows: n, columns: k, format: format, seed: seed, name: "weight"),
      weightFormat: format.kernelName, layout: layout)
  }

  /// Columns of the result.
  public var n: Int { weight.rows }
  /// Terms of a sum.
  public var k: Int { weight.columns }
  /// The shape as `--shape` takes it.
  public var shape: String { "\(m)x\(n)x\(k)" }
}

/// Measures sharded products and checks them against the CPU.
public struct MatmulBenchmark: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// How long to measure each problem.
  public let budget: TimingBudget
  /// Whether results are checked.
  public let checks: Bool
  /// What the activations follow from.
  public let seed: UInt64
  /// How exact products are; what kernels of `.reduced` round is part of the bound that results are checked against.
  public let arithmetic: Arithmetic

  /// A benchmark on `mesh`.
  public init(
    on mesh: DeviceMesh, budget: TimingBudget, checks: Bool = true, seed: UInt64 = 1, arithmetic: Arithmetic = .ordered
  ) {
    self.arithmetic = arithmetic
    self.mesh = mesh
    self.budget = budget
    self.checks = checks
    self.seed = seed
  }

  /// Runs one problem: the sharded product in turns with the same product on the first rank's device alone, the
  /// collective alone and the fma loop; then the checks.
  ///
  /// Activations are packed and the result is on every rank inside the time; the weight is packed before.
  /// - Throws: `ShardingError`, `ComputeError`, a driver's error. A wrong result is a record that is not verified.
  public func run(_ problem: MatmulProblem) async throws -> MatmulRecord {
    let x = try HostMatrix.random(
      rows: problem.m, columns: problem.k, format: .f32, seed: seed, name: "activations")
    let sharded = try product(x, problem.weight, problem, on: mesh, layout: problem.layout)
    let samples = try await measure(sharded, x, problem)
    let kernels = try sharded.kernelNames()
    var check: ProductCheck?
    if checks {
      let result = HostMemory(byteCount: 4 * problem.m * problem.n)
      try await sharded.result.download(into: result)
      check = try await ProductCheck(
        result, x: x, weight: problem.weight, orderUnit: problem.orderUnit, seed: seed,
        rounding: ReducedKernels.among(kernels))
    }
    return MatmulRecord(problem, on: mesh, arithmetic, kernels, samples, check)
  }

  /// Times of the parts of a product.
  struct Measurement: Sendable {
    let product: Samples
    let alone: Samples?
    let collective: Samples?
    let peak: Samples
  }

  private func measure(_ sharded: ShardedProduct, _ x: HostMatrix, _ problem: MatmulProblem) async throws
    -> Measurement
  {
    let mesh = mesh
    var bodies: [PairedTiming.Body] = [{ try await Self.seconds(of: sharded.run, on: mesh) }]
    if mesh.count > 1 {
      let line = try DeviceMesh([mesh.ranks[0].device])
      let alone = try product(x, problem.weight, problem, on: line, layout: .replicate)
      bodies.append { try await Self.seconds(of: alone.run, on: line) }
      bodies.append { try await Self.seconds(of: sharded.communicate, on: mesh) }
    }
    let peak = try await PeakMeter(mesh)
    bodies.append(peak.operationsPerSecond)
    let samples = try await PairedTiming.samples(of: bodies, budget)
    return Measurement(
      product: samples[0], alone: mesh.count > 1 ? samples[1] : nil, collective: mesh.count > 1 ? samples[2] : nil,
      peak: samples[bodies.count - 1])
  }

  private static func seconds(of body: () async throws -> Void, on mesh: DeviceMesh) async throws -> Double {
    try await PairedTiming.seconds {
      try await body()
      try await mesh.finish()
    }
  }

  private func product(
    _ x: HostMatrix, _ weight: some MatrixSource, _ problem: MatmulProblem, on mesh: DeviceMesh, layout: ProductLayout
  ) throws -> ShardedProduct {
    try ShardedProduct(
      x, weight, layout: layout, unit: problem.unit, orderUnit: problem.orderUnit, on: mesh, arithmetic: arithmetic)
  }
}

extension MatmulProblem {
  /// Only the columns of a row-parallel weight are cut, so only there heads and blocks shape the order of the sum.
  var orderUnit: Int { layout == .row ? unit : weight.format.blockLength }
}

extension HostMatrix {
  /// Numbers of [-1, 1), or random blocks, that follow from `seed` and `name`.
  static func random(rows: Int, columns: Int, format: WeightFormat, seed: UInt64, name: String) throws -> HostMatrix {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    // The matrix is made, uploaded and packed, on a device that may share this memory.
    let limit = Int(clamping: ProcessInfo.processInfo.physicalMemory / 4)
    guard rows >= 0, columns >= 0, !overflow, count <= limit / 4 else {
      throw ComputeError.allocationTooLarge(
        byteCount: overflow ? Int.max : count.multipliedReportingOverflow(by: 4).partialValue, limit: limit,
        device: "host memory for one operand")
    }
    let numbers = SeededNumbers(seed: seed, name: name)
    guard let elementType = format.elementType else {
      return try HostMatrix(
        numbers.blocks(rows: rows, columns: columns, format: format), rows: rows, columns: columns, format: format)
    }
    return try HostMatrix(
      HostMemory(numbers.floats(count), as: elementType), rows: rows, columns: columns, format: format)
  }
}
