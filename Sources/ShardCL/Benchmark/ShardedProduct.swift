// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// One product on a mesh with all its memory, ready to run again and again: x · Wᵀ, then the collective that gives the
/// result its placement.
struct ShardedProduct {
  let mesh: DeviceMesh
  let x: ShardedTensor
  let weight: ShardedWeight
  /// What the product makes.
  let parts: ShardedTensor
  /// What the collective makes of it.
  let result: ShardedTensor
  /// How exact it is.
  let arithmetic: Arithmetic

  /// Uploads x and the weight, each rank's part only, and allocates the rest.
  ///
  /// - Parameters:
  ///   - unit: rows (column-parallel) or columns (row-parallel) of the weight that stay together.
  ///   - orderUnit: columns that are never separated in the order of the sum.
  init(
    _ x: HostMatrix, _ weight: some MatrixSource, layout: ProductLayout, unit: Int = 1, orderUnit: Int = 1,
    on mesh: DeviceMesh, to placement: Placement = .replicate, arithmetic: Arithmetic = .ordered
  ) throws {
    let cut =
      layout == .column ? try Partition.even(weight.rows, parts: mesh.count, granularity: unit) : nil
    self.mesh = mesh
    self.arithmetic = arithmetic
    self.weight = try ShardedWeight(
      weight, on: mesh, placement: layout.weightPlacement, unit: orderUnit, partition: cut)
    self.x = try ShardedTensor(
      x, on: mesh, placement: layout.xPlacement, partition: layout == .row ? self.weight.partition : nil)
    parts = try ShardedTensor(
      on: mesh, rows: x.rows, columns: weight.rows,
      distribution: try self.weight.resultDistribution(for: self.x))
    result =
      placement == parts.placement
      ? parts : try ShardedTensor(on: mesh, rows: x.rows, columns: weight.rows, placement: placement)
  }

  /// Enqueues the product and the collective.
  func run() async throws {
    try await matmul(x, weight, into: parts, arithmetic: arithmetic)
    try await communicate()
  }

  /// Whether a collective follows the product.
  var communicates: Bool { parts.placement != result.placement }

  /// What `rank` computes; nil where it has nothing to do.
  func product(on rank: Rank) throws -> Product? {
    guard !weight.leafRuns[rank.index].isEmpty else { return nil }
    let product = try weight.product(x, into: parts, on: rank, arithmetic: arithmetic)
    return product.m == 0 || product.n == 0 ? nil : product
  }

  /// The kernel of each rank; `none` where it has nothing to do.
  func kernelNames() throws -> [String] {
    try mesh.ranks.map { rank in try product(on: rank).map(rank.device.kernelName) ?? "none" }
  }

  /// Enqueues the collective alone.
  func communicate() async throws {
    if communicates { try await parts.redistribute(into: result) }
  }
}
