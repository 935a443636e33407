// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Rotary position embedding of queries or keys: every rank turns the heads that it has, and nothing moves.
///
/// Su et al. 2021, https://arxiv.org/abs/2104.09864. See `Rotation` for the arithmetic, `Rotary` for pairs, frequencies
/// and scaling. `ParallelAttention.append` does the same on the way into a cache, with the same bits.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | `x` | tokens × heads · headSize | `.replicate`, `.shard(0)`, or `.shard(1)` cut between heads |
/// | `positions` | tokens | every rank has them all |
/// | result | tokens × heads · headSize | that of `x`, with the same bits on every mesh |
///
/// The number of heads may differ from call to call: queries and keys share a layer.
public struct RotaryEmbedding: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// Which numbers are turned, and how far.
  public let rotary: Rotary
  /// Columns of a head.
  public let headSize: Int
  /// Positions are 0 ..< `positionCount`.
  public let positionCount: Int
  private let angles: [RotaryAngles]

  /// Computes the angles of `positionCount` positions, `4 · positionCount · rotary.size` bytes on every rank.
  ///
  /// - Throws: `ComputeError.mismatch` for a head size that is odd or below the numbers that are turned, or a negative
  ///   count; the driver's error.
  public init(_ rotary: Rotary, headSize: Int, positionCount: Int, on mesh: DeviceMesh) throws {
    try rotary.check(headSize: headSize)
    self.mesh = mesh
    self.rotary = rotary
    self.headSize = headSize
    self.positionCount = positionCount
    angles = try mesh.ranks.map { try RotaryAngles(rotary, count: positionCount, on: $0.device) }
  }

  /// x with its heads turned; token i is at position `first` + i.
  ///
  /// - Throws: `ShardingError.noOperationRule` for a `.partial` tensor; `.partitionMismatch` for a cut that separates a
  ///   head; `.shapeMismatch`; `ComputeError.mismatch` for positions without angles.
  public func callAsFunction(_ x: ShardedTensor, from first: Int = 0) async throws -> ShardedTensor {
    let result = try makeResult(x)
    try await self(x, from: first, into: result)
    return result
  }

  /// The same into an existing tensor, which may be x itself; allocates nothing.
  ///
  /// - Throws: as above, and `ShardingError.partitionMismatch` where `result` is spread differently.
  public func callAsFunction(_ x: ShardedTensor, from first: Int = 0, into result: ShardedTensor) async throws {
    try check(x, into: result)
    try angles[0].check(first: first, rows: x.rows)
    try await run(x, into: result) { _, rows in .from(first + rows.lowerBound) }
  }

  /// x with its heads turned; token i is at position i of `positions`, and stays as it is where that is below 0.
  ///
  /// - Throws: as above; `ShardingError.shapeMismatch` unless each token has a position. Positions that only devices
  ///   know are not checked: where one has no angles the numbers become NaN.
  public func callAsFunction(_ x: ShardedTensor, at positions: TokenIDs) async throws -> ShardedTensor {
    let result = try makeResult(x)
    try await self(x, at: positions, into: result)
    return result
  }

  /// The same into an existing tensor, which may be x itself; allocates nothing.
  ///
  /// - Throws: as above, and `ShardingError.partitionMismatch` where `result` is spread differently.
  public func callAsFunction(_ x: ShardedTensor, at positions: TokenIDs, into result: ShardedTensor) async throws {
    try check(x, into: result)
    guard positions.mesh === mesh else {
      throw ShardingError.meshMismatch("positions are on \(positions.mesh), the rotary embedding on \(mesh)")
    }
    guard positions.count == x.rows else {
      throw ShardingError.shapeMismatch(
        "\(positions.count) positions for a tensor of \(x.rows) × \(x.columns); each token has one")
    }
    if let known = positions.known, let token = known.firstIndex(where: { $0 >= positionCount }) {
      throw ComputeError.mismatch(
        "position \(known[token]) of token \(token) with rotary angles for \(positionCount) positions")
    }
    try await run(x, into: result) { rank, rows in .each(try positions.vector(of: rank, rows)) }
  }

  private func makeResult(_ x: ShardedTensor) throws -> ShardedTensor {
    try check(x)
    return try ShardedTensor(on: x.mesh, rows: x.rows, columns: x.columns, distribution: x.distribution)
  }

  private func check(_ x: ShardedTensor, into result: ShardedTensor? = nil) throws {
    guard x.mesh === mesh else {
      throw ShardingError.meshMismatch("x is on \(x.mesh), the rotary embedding on \(mesh)")
    }
    guard x.columns.isMultiple(of: headSize) else {
      throw ShardingError.shapeMismatch(
        "a rotary embedding of heads of \(headSize) columns for a tensor of \(x.rows) × \(x.columns)")
    }
    _ = try PlacementRules.rows(x.placement, operation: "a rotary embedding", isPerHead: true)
    if case .shard(1, let partition) = x.distribution,
      !partition.borders.allSatisfy({ $0.isMultiple(of: headSize) })
    {
      throw ShardingError.partitionMismatch(
        "parts \(partition) for heads of \(headSize) columns; no cut separates a head")
    }
    if let result { try x.checkSame(result, "the result") }
  }

  /// Enqueues the rotation of each rank's rows.
  private func run(
    _ x: ShardedTensor, into result: ShardedTensor,
    positions: (_ rank: Int, _ rows: Range<Int>) throws -> Rotation.Positions
  ) async throws {
    for rank in mesh.ranks {
      let rows = x.distribution.block(of: rank.index, rows: x.rows, columns: x.columns).rows
      let rotation = try Rotation(
        of: x.piece(of: rank.index), headSize: headSize, by: angles[rank.index], at: positions(rank.index, rows),
        into: result.piece(of: rank.index))
      try await rank.device.enqueue { try rank.device.rotate(rotation) }
      try rank.device.flush()
    }
  }
}
