// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A linear layer cut along its output: every rank computes some features of the result, and nothing moves.
///
/// *Column-parallel* of Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053, section 3.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | tokens × in, row-major | `.replicate` |
/// | `weight` | out × in | `.shard(0)` |
/// | `bias` | 1 × out | `.shard(1)`, cut like the rows of `weight` |
/// | result | tokens × features | `.shard(1)`, the `partition` |
///
/// Bias and activation are part of the product. Features are the rows of the weight; of a *gated* layer (`Epilogue`) each
/// is made by two of them, a gate and an up (`InterleavedRows`), which no cut separates.
///
/// Kernels of `Arithmetic.reduced` do neither, so that only a layer without bias, activation and gates profits from it.
public struct ColumnParallelLinear: Sendable {
  /// The weight, out × in.
  public let weight: ShardedWeight
  /// What is added to every row, 1 × out; cut like the rows of the weight.
  public let bias: ShardedTensor?
  /// What becomes of each feature, or of each gate.
  public let activation: Epilogue.Activation
  /// Whether two rows of the weight make a feature.
  public let isGated: Bool
  /// The cut of the features.
  public let partition: Partition
  /// How exact products are.
  public let arithmetic: Arithmetic

  /// Uploads the layer; each rank is sent its own part only.
  ///
  /// - Parameters:
  ///   - bias: 1 × out, f32.
  ///   - granularity: features that stay together on a rank: the size of a head.
  ///   - unit: columns of the weight that are never separated; see `ShardedWeight`.
  ///   - partition: the cut of the features; even in whole units of `granularity` without it.
  /// - Throws: `ShardingError`, also for a gated layer with an odd number of rows; the driver's error.
  public init(
    weight: some MatrixSource, bias: (any MatrixSource)? = nil, activation: Epilogue.Activation = .none,
    isGated: Bool = false, on mesh: DeviceMesh, granularity: Int = 1, unit: Int? = nil, partition: Partition? = nil,
    arithmetic: Arithmetic = .ordered
  ) throws {
    guard !isGated || weight.rows.isMultiple(of: 2) else {
      throw ShardingError.shapeMismatch("a gated layer with a weight of \(weight.rows) rows; they come in pairs")
    }
    let features = isGated ? weight.rows / 2 : weight.rows
    self.partition = try partition ?? .even(features, parts: mesh.count, granularity: granularity)
    let rows =
      isGated ? try Partition.fromBorders(self.partition.borders.map { try checkedProduct($0, 2) }) : self.partition
    try checkBias(bias, weight)
    self.weight = try ShardedWeight(weight, on: mesh, placement: .shard(0), unit: unit, partition: rows)
    self.bias = try bias.map { try ShardedTensor($0, on: mesh, placement: .shard(1), partition: rows) }
    self.activation = activation
    self.isGated = isGated
    self.arithmetic = arithmetic
  }

  /// activation(x · Wᵀ + bias), `.shard(1)`; where it is gated, gates times ups.
  ///
  /// - Throws: `ShardingError.noRule` unless x is `.replicate`; `.shapeMismatch`.
  public func callAsFunction(_ x: ShardedTensor) async throws -> ShardedTensor {
    _ = try weight.resultDistribution(for: x)
    let result = try ShardedTensor(
      on: weight.mesh, rows: x.rows, columns: partition.length, placement: .shard(1), partition: partition)
    try await self(x, into: result)
    return result
  }

  /// The same into an existing tensor, which allocates nothing.
  ///
  /// - Throws: `ShardingError`, also where `result` has another cut.
  public func callAsFunction(_ x: ShardedTensor, into result: ShardedTensor) async throws {
    _ = try weight.resultDistribution(for: x)
    try await matmul(
      x, weight, into: result, columns: partition.length, as: .shard(1, partition), arithmetic: arithmetic
    ) { rank in
      Epilogue(bias: try bias?.piece(of: rank), activation: activation, isGated: isGated)
    }
  }
}

/// Throws unless `bias` is one row with a value for each row of `weight`.
func checkBias(_ bias: (any MatrixSource)?, _ weight: some MatrixSource) throws {
  guard let bias, bias.rows != 1 || bias.columns != weight.rows || bias.format != .f32 else { return }
  throw ShardingError.shapeMismatch(
    "a bias of \(bias.rows) × \(bias.columns) \(bias.format.rawValue) for a weight of \(weight.rows) × \(weight.columns); "
      + "it must be 1 × \(weight.rows) f32")
}
