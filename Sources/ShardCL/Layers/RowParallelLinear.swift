// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A linear layer cut along its input: every rank makes an addend of the result, and a collective sums them.
///
/// *Row-parallel* of Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053, section 3.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | tokens × in, row-major | `.shard(1)`, the `Partition` of `weight` |
/// | `weight` | out × in | `.shard(1)`, cut on borders of the leaves of its sum |
/// | `bias` | 1 × out | `.replicate`; added once, after the sum |
/// | `residual` | tokens × out | that of the result; added last |
/// | addends | tokens × out | `.partial` |
/// | result | tokens × out | `.replicate` costs an all-reduce of `4 · tokens · out` bytes, `.shard` a reduce-scatter |
public struct RowParallelLinear: Sendable {
  /// The weight, out × in.
  public let weight: ShardedWeight
  /// What is added to every row, 1 × out, on every rank.
  public let bias: ShardedTensor?
  /// How exact products are.
  public let arithmetic: Arithmetic

  /// Uploads the layer; each rank is sent its own part of the weight only.
  ///
  /// - Parameters:
  ///   - bias: 1 × out, f32.
  ///   - unit: columns of the weight that are never separated: a quantisation block, the size of a head.
  ///   - partition: the cut of the columns, on leaf borders; even runs of leaves without it.
  /// - Throws: `ShardingError`; the driver's error.
  public init(
    weight: some MatrixSource, bias: (any MatrixSource)? = nil, on mesh: DeviceMesh, unit: Int? = nil,
    partition: Partition? = nil, arithmetic: Arithmetic = .ordered
  ) throws {
    try checkBias(bias, weight)
    self.weight = try ShardedWeight(weight, on: mesh, placement: .shard(1), unit: unit, partition: partition)
    self.bias = try bias.map { try ShardedTensor($0, on: mesh, placement: .replicate) }
    self.arithmetic = arithmetic
  }

  /// x · Wᵀ + bias + residual, summed: `.replicate`, or `.shard(0)` where the ranks go on with their own tokens
  /// (*sequence-parallel*), or `.shard(1)`.
  ///
  /// - Throws: `ShardingError.noRule` unless x is `.shard(1)`; `.partitionMismatch` if x and the weight are cut
  ///   differently, or residual and result are; `.shapeMismatch`; `.noTransition` for a result that is `.partial`.
  public func callAsFunction(
    _ x: ShardedTensor, residual: ShardedTensor? = nil, to placement: Placement = .replicate,
    partition: Partition? = nil
  ) async throws -> ShardedTensor {
    let result = try ShardedTensor(
      on: weight.mesh, rows: x.rows, columns: weight.rows, placement: placement, partition: partition)
    try await self(x, residual: residual, addends: makeAddends(rows: x.rows), into: result)
    return result
  }

  /// The same with memory that is there: `addends` from `makeAddends`, and `result` in the placement it shall have.
  ///
  /// - Throws: `ShardingError` as above.
  public func callAsFunction(
    _ x: ShardedTensor, residual: ShardedTensor? = nil, addends: ShardedTensor, into result: ShardedTensor
  ) async throws {
    guard result.placement != .partial else { throw ShardingError.noTransition(from: .replicate, to: .partial) }
    try addends.checkShape(equals: result)
    if let residual {
      try residual.checkShape(equals: result)
      guard residual.distribution == result.distribution else {
        throw ShardingError.partitionMismatch(
          "a residual \(residual.distribution) for a result \(result.distribution); redistribute the residual")
      }
      for rank in result.mesh.ranks {
        guard try residual.piece(of: rank.index).memory !== result.piece(of: rank.index).memory else {
          throw ShardingError.partitionMismatch("a residual in the memory of the result; it is added last")
        }
      }
    }
    try await multiply(x, residual: residual, addends: addends, into: result)
    try await sum(addends, residual: residual, into: result)
  }

  /// Enqueues the product: into the addends, or on one rank, which has the whole sum, into the result.
  func multiply(
    _ x: ShardedTensor, residual: ShardedTensor?, addends: ShardedTensor, into result: ShardedTensor
  ) async throws {
    guard weight.mesh.count == 1 else {
      return try await matmul(x, weight, into: addends, arithmetic: arithmetic)
    }
    _ = try weight.resultDistribution(for: x)
    try await matmul(
      x, weight, into: result, columns: weight.rows, as: result.distribution, arithmetic: arithmetic
    ) { rank in
      guard finishesInProduct else { return .none }
      return Epilogue(bias: try bias?.piece(of: rank), residual: try residual?.piece(of: rank))
    }
  }

  /// Enqueues what follows the product.
  func sum(_ addends: ShardedTensor, residual: ShardedTensor?, into result: ShardedTensor) async throws {
    if finishesInProduct { return }
    if weight.mesh.count > 1 { try await addends.redistribute(into: result) }
    try await addBias(to: result)
    if let residual { try await add(residual, to: result) }
  }

  /// Whether bias and residual are part of the product, which kernels of reduced arithmetic do not have.
  private var finishesInProduct: Bool { weight.mesh.count == 1 && arithmetic == .ordered }

  /// Room for the addends of `rows` tokens; layers with as many features that run one after the other can share it.
  public func makeAddends(rows: Int) throws -> ShardedTensor {
    try ShardedTensor(
      on: weight.mesh, rows: rows, columns: weight.rows, distribution: .partial(weight.leafRuns))
  }

  private func addBias(to result: ShardedTensor) async throws {
    guard let bias else { return }
    for rank in result.mesh.ranks {
      let block = result.distribution.block(of: rank.index, rows: result.rows, columns: result.columns)
      try await rank.device.enqueue {
        try rank.device.addBias(
          bias.piece(of: rank.index).columns(block.columns), to: result.piece(of: rank.index))
      }
    }
  }

  private func add(_ residual: ShardedTensor, to result: ShardedTensor) async throws {
    for rank in result.mesh.ranks {
      let piece = try result.piece(of: rank.index)
      let sum = Reduction.Operand(piece.memory)
      let sums = try Reduction(
        [sum, Reduction.Operand(residual.piece(of: rank.index).memory)], into: sum, count: piece.rows * piece.columns)
      try await rank.device.enqueue { try rank.device.reduce(sums) }
    }
  }
}
