// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// How one rank runs a product: the kernel, its parameters and where they come from, and why no other kernel.
public struct KernelRecord: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// Position of the rank in its mesh.
  public let rank: Int
  /// The rank's selector.
  public let device: String
  /// Rows of the rank's product.
  public let m: Int
  /// Columns of the rank's product.
  public let n: Int
  /// Terms of a sum on the rank.
  public let k: Int
  /// How the weight is stored on the device.
  public let dtype: WeightFormat
  /// The kernel; `unsupported` where there is none, `none` for a rank without work.
  public let kernel: String
  /// The kernel's parameters under its own names, as text.
  public let parameters: [String: String]
  /// `tuned`, `shipped` or `formula`; `none` where the kernel has no parameters.
  public let origin: String
  /// What was asked for and is not done, and why: tuned parameters, reduced arithmetic.
  public let notes: [String]
  /// Every other kernel and its refusal.
  public let refusals: [String: String]

  /// What `explanation` says of a product on a rank.
  package init(_ rank: Rank, m: Int, n: Int, k: Int, _ dtype: WeightFormat, _ explanation: KernelExplanation?) {
    schema = "shardcl.kernel/1"
    self.rank = rank.index
    device = rank.device.selector
    (self.m, self.n, self.k) = (m, n, k)
    self.dtype = dtype
    kernel = explanation?.kernel ?? "none"
    parameters = explanation?.parameters.values.mapValues(\.description) ?? [:]
    origin = explanation?.origin?.rawValue ?? "none"
    notes = explanation?.notes ?? []
    refusals = Dictionary(
      (explanation?.others ?? []).map { ($0.kernel, $0.reason) }, uniquingKeysWith: { first, _ in first })
  }
}

extension MatmulBenchmark {
  /// Which kernels `run` would use for `problem`, for each rank.
  ///
  /// - Throws: as `run`.
  public func explain(_ problem: MatmulProblem) throws -> [KernelRecord] {
    let x = try HostMatrix.random(
      rows: problem.m, columns: problem.k, format: .f32, seed: seed, name: "activations")
    let sharded = try ShardedProduct(
      x, problem.weight, layout: problem.layout, unit: problem.unit, orderUnit: problem.orderUnit, on: mesh,
      arithmetic: arithmetic)
    return try mesh.ranks.map { rank in
      let weight = sharded.weight.parts[rank.index]
      return KernelRecord(
        rank, m: try sharded.x.piece(of: rank.index).rows, n: weight.rows, k: weight.columns, weight.format,
        try sharded.product(on: rank).map(rank.device.explain))
    }
  }
}

extension Rank {
  /// Which kernel this rank would use for a product of `shape`.
  ///
  /// - Throws: as `ComputeDevice.makeWeight`.
  package func explain(_ shape: TuningShape) throws -> KernelRecord {
    KernelRecord(self, m: shape.m, n: shape.n, k: shape.k, shape.format, try device.explain(shape))
  }
}
