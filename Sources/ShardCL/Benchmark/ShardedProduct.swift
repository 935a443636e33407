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

  /// Uploads x and the weight, each rank's part only, and allocates the rest.
  ///
  /// - Parameters:
  ///   - unit: rows (column-parallel) or columns (row-parallel) of the weight that stay together.
  ///   - orderUnit: columns that are never separated in the order of the sum.
  init(
    _ x: HostMatrix, _ weight: some MatrixSource, layout: ProductLayout, unit: Int = 1, orderUnit: Int = 1,
    on mesh: DeviceMesh, to placement: Placement = .replicate
  ) throws {
    let cut =
      layout == .column ? try Partition.even(weight.rows, parts: mesh.count, granularity: unit) : nil
    self.mesh = mesh
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
    try await matmul(x, weight, into: parts)
    try await communicate()
  }

  /// Whether a collective follows the product.
  var communicates: Bool { parts.placement != result.placement }

  /// Enqueues the collective alone.
  func communicate() async throws {
    if communicates { try await parts.redistribute(into: result) }
  }
}
