// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// x · Wᵀ on the ranks of a mesh; nothing moves between them.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | tokens × in | see `PlacementRules.matmul` |
/// | `weight` | out × in | |
/// | result | tokens × out | by the rule; `.partial` for a weight that is cut along in |
///
/// The result has the same bits on every mesh, once it is summed where it is `.partial`; unless `arithmetic` is
/// `.reduced`, which lets each rank round more where its device multiplies faster so, within a bound.
/// - Throws: `ShardingError` where placements have no rule, or shapes, partitions or meshes do not match.
public func matmul(
  _ x: ShardedTensor, _ weight: ShardedWeight, arithmetic: Arithmetic = .ordered
) async throws -> ShardedTensor {
  let result = try ShardedTensor(
    on: weight.mesh, rows: x.rows, columns: weight.rows, distribution: weight.resultDistribution(for: x))
  try await matmul(x, weight, into: result, arithmetic: arithmetic)
  return result
}

/// x · Wᵀ into an existing tensor, which allocates nothing.
///
/// - Throws: `ShardingError` as without `into`, and where `result` is not what the rule makes.
public func matmul(
  _ x: ShardedTensor, _ weight: ShardedWeight, into result: ShardedTensor, arithmetic: Arithmetic = .ordered
) async throws {
  try await matmul(
    x, weight, into: result, columns: weight.rows, as: weight.resultDistribution(for: x), arithmetic: arithmetic
  ) { _ in .none }
}

/// The same with what each rank does with its sums, which may change the columns of the result and how they are cut.
func matmul(
  _ x: ShardedTensor, _ weight: ShardedWeight, into result: ShardedTensor, columns: Int,
  as distribution: Distribution, arithmetic: Arithmetic, epilogue: (_ rank: Int) throws -> Epilogue
) async throws {
  guard result.mesh === weight.mesh else {
    throw ShardingError.meshMismatch("the weight is on \(weight.mesh), the result on \(result.mesh)")
  }
  guard result.rows == x.rows, result.columns == columns else {
    throw ShardingError.shapeMismatch(
      "x is \(x.rows) × \(x.columns), the weight \(weight.rows) × \(weight.columns) and the result "
        + "\(result.rows) × \(result.columns); it must be \(x.rows) × \(columns)")
  }
  guard result.distribution == distribution else {
    throw ShardingError.partitionMismatch(
      "x \(x.distribution) with weight \(weight.distribution) makes \(distribution), "
        + "the result is \(result.distribution)")
  }
  for rank in weight.mesh.ranks where !weight.leafRuns[rank.index].isEmpty {
    let product = try weight.product(
      x, into: result, on: rank, arithmetic: arithmetic, epilogue: epilogue(rank.index))
    try await rank.device.enqueue(product)
    try rank.device.flush()
  }
}

extension ShardedWeight {
  /// What `rank` computes of x · Wᵀ.
  func product(
    _ x: ShardedTensor, into result: ShardedTensor, on rank: Rank, arithmetic: Arithmetic, epilogue: Epilogue = .none
  ) throws -> Product {
    try Product(
      x.piece(of: rank.index), parts[rank.index], into: result.piece(of: rank.index),
      nodeStride: result.rows * result.columns, arithmetic: arithmetic, epilogue: epilogue)
  }

  /// What x · Wᵀ is spread like.
  func resultDistribution(for x: ShardedTensor) throws -> Distribution {
    guard x.mesh === mesh else { throw ShardingError.meshMismatch("x is on \(x.mesh), the weight on \(mesh)") }
    guard x.columns == columns else {
      throw ShardingError.shapeMismatch(
        "x is \(x.rows) × \(x.columns), the weight \(rows) × \(columns); x needs \(columns) columns")
    }
    switch try PlacementRules.matmul(x: x.placement, weight: placement) {
    case .replicate: return .replicate
    case .partial:
      guard x.partition == partition else {
        throw ShardingError.partitionMismatch(
          "x \(x.distribution) with weight \(distribution); redistribute x to the partition of the weight")
      }
      return .partial(leafRuns)
    case .shard(let axis):
      // Rows of x stay where they are; rows of the weight become columns.
      guard let partition = axis == 0 ? x.partition : partition else {
        preconditionFailure("the rules make a shard of a shard only")
      }
      return .shard(axis, partition)
    }
  }
}
