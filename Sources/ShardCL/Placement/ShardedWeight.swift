// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A weight, out × in, with its part on every rank in that device's panels: the W of x · Wᵀ.
///
/// | placement | each rank holds | cut |
/// | --- | --- | --- |
/// | `.shard(0)` | rows: features of the result | a `Partition` with any granularity |
/// | `.shard(1)` | columns: terms of the sum | on borders of the leaves of `order` |
/// | `.replicate` | everything | |
public struct ShardedWeight: Sendable {
  /// The ranks that hold the parts.
  public let mesh: DeviceMesh
  /// out: columns of the result.
  public let rows: Int
  /// The order of the sum over in, the same on all ranks.
  public let order: SumOrder
  /// How the weight is stored.
  public let format: WeightFormat
  /// What each rank holds.
  public let distribution: Distribution
  /// Which leaves of the sum each rank holds.
  let leafRuns: [Range<Int>]
  /// The part of each rank.
  let parts: [Weight]

  /// in: columns of the matrix.
  public var columns: Int { order.length }
  /// How the weight is spread.
  public var placement: Placement { distribution.placement }
  /// The cut of a `.shard`, nil otherwise; a row-parallel product needs it for x.
  public var partition: Partition? { distribution.partition }

  /// Uploads a weight, each rank's own part only, and packs it there.
  ///
  /// - Parameters:
  ///   - unit: columns that are never separated: the size of a head, by default a block of the format, and always a
  ///     multiple of it. It defines the order of the sum, so it belongs to the weight, not to the mesh.
  ///   - partition: the cut of a `.shard`; without it, even parts for `.shard(0)`, even runs of leaves for `.shard(1)`.
  /// - Throws: `ShardingError`, also for a `.shard(1)` that is not cut on borders of leaves; the driver's error.
  public init(
    _ source: some MatrixSource, on mesh: DeviceMesh, placement: Placement, unit: Int? = nil,
    partition: Partition? = nil
  ) throws {
    guard placement != .partial else { throw ShardingError.noTransition(from: .replicate, to: .partial) }
    let unit = unit ?? source.format.blockLength
    guard possibleSizes.contains(source.rows), possibleSizes.contains(source.columns), unit >= 1,
      possibleSizes.contains(unit)
    else {
      throw ShardingError.shapeMismatch(
        "a weight of \(source.rows) × \(source.columns) in units of \(unit) columns; "
          + "sides are \(possibleSizes), units 1 or more")
    }
    guard unit.isMultiple(of: source.format.blockLength), source.columns.isMultiple(of: source.format.blockLength)
    else {
      throw ShardingError.partitionMismatch(
        "\(source.columns) columns of \(source.format.rawValue) in units of \(unit); both must be multiples of "
          + "\(source.format.blockLength), the columns of a block")
    }
    let order = SumOrder(length: source.columns, unit: unit)
    let cut = try placement == .shard(1) ? partition ?? .leaves(of: order, parts: mesh.count) : partition
    let distribution = try Distribution(
      placement, rows: source.rows, columns: source.columns, ranks: mesh.count, partition: cut)
    let leafRuns = try Self.leafRuns(order, distribution, ranks: mesh.count)

    var whole: HostMemory?
    parts = try mesh.ranks.map { rank in
      let part = distribution.block(of: rank.index, rows: source.rows, columns: source.columns)
      let block = try whole ?? source.block(rows: part.rows, columns: part.columns)
      if placement == .replicate { whole = block }
      return try rank.device.makeWeight(
        block, rows: part.rows.count, order: order, leaves: leafRuns[rank.index], format: source.format)
    }
    self.mesh = mesh
    rows = source.rows
    self.order = order
    format = source.format
    self.distribution = distribution
    self.leafRuns = leafRuns
  }

  /// The leaves of each rank: all of them unless the sum is cut.
  private static func leafRuns(_ order: SumOrder, _ distribution: Distribution, ranks: Int) throws -> [Range<Int>] {
    guard case .shard(1, let partition) = distribution else {
      return .init(repeating: SumOrder.allLeaves, count: ranks)
    }
    guard let runs = partition.leafRuns(of: order) else {
      throw ShardingError.partitionMismatch(
        "parts \(partition) of \(order.length) columns; a sum is cut on the borders of its leaves, "
          + "\((0...SumOrder.leafCount).map(order.border)): Partition.leaves(of:parts:)")
    }
    return runs
  }
}
