// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// One logical f32 matrix, rows × columns, with a local piece on every rank of a mesh; a vector is 1 × n.
///
/// A piece is row-major without gaps: the whole matrix, or the rank's rows or columns. A rank of a `.partial` tensor
/// holds one matrix of full size for each node of the sum that it covers, one after the other.
///
/// The value describes and refers; copies share the memory. Operations enqueue on the ranks and return, and those that
/// write take an existing tensor (`into:`), so that a step allocates nothing.
public struct ShardedTensor: Sendable {
  /// The ranks that hold the pieces.
  public let mesh: DeviceMesh
  /// Rows of the logical matrix: tokens, for activations.
  public let rows: Int
  /// Columns of the logical matrix: features, for activations.
  public let columns: Int
  /// What each rank holds.
  public let distribution: Distribution
  /// The memory of each rank; may be larger than its piece.
  let memories: [DeviceMemory]

  /// How the matrix is spread.
  public var placement: Placement { distribution.placement }
  /// The cut of a `.shard`, nil otherwise.
  public var partition: Partition? { distribution.partition }

  /// Allocates a tensor, contents undefined.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for a size below zero or beyond 63 bits; `ComputeError.allocationTooLarge`.
  public init(on mesh: DeviceMesh, rows: Int, columns: Int, distribution: Distribution) throws {
    let byteCounts = try Self.byteCounts(on: mesh, rows: rows, columns: columns, distribution)
    self.init(
      mesh: mesh, rows: rows, columns: columns, distribution: distribution,
      memories: try zip(mesh.ranks, byteCounts).map { try $0.device.allocate(byteCount: $1) })
  }

  /// Allocates a tensor, contents undefined; `.shard` is even unless `partition` is given.
  ///
  /// - Throws: `ShardingError` where axis, partition or size are not possible; `ComputeError.allocationTooLarge`.
  public init(
    on mesh: DeviceMesh, rows: Int, columns: Int, placement: Placement, partition: Partition? = nil
  ) throws {
    try self.init(
      on: mesh, rows: rows, columns: columns,
      distribution: Distribution(
        placement, rows: rows, columns: columns, ranks: mesh.count, partition: partition))
  }

  /// A tensor of `rows` rows over the same memory, for steps of varying length; a cut of the rows is even unless
  /// `partition` is given.
  ///
  /// The first rows keep their values where the placement is `.replicate` or `.shard(1)`; otherwise they are undefined.
  /// - Throws: `ShardingError.shapeMismatch` where a rank's memory is too small.
  public func resized(rows: Int, partition: Partition? = nil) throws -> ShardedTensor {
    let distribution =
      if case .shard(0, _) = distribution {
        try Distribution(.shard(0), rows: rows, columns: columns, ranks: mesh.count, partition: partition)
      } else {
        distribution
      }
    let byteCounts = try Self.byteCounts(on: mesh, rows: rows, columns: columns, distribution)
    for (rank, byteCount) in byteCounts.enumerated() where byteCount > memories[rank].byteCount {
      throw ShardingError.shapeMismatch(
        "\(rows) rows of \(columns) need \(byteCount) bytes at rank \(rank); there are \(memories[rank].byteCount)")
    }
    return ShardedTensor(
      mesh: mesh, rows: rows, columns: columns, distribution: distribution, memories: memories)
  }

  /// The piece of `rank`, or its first addend.
  ///
  /// - Throws: `ShardingError.meshMismatch` where the mesh has no such rank.
  public func piece(of rank: Int) throws -> MatrixView {
    guard memories.indices.contains(rank) else {
      throw ShardingError.meshMismatch("rank \(rank) of a mesh of \(memories.count)")
    }
    if case .attention(let nodes) = distribution {
      return try MatrixView(memories[rank], rows: rows, columns: nodes.heads.nodeColumns)
    }
    let block = distribution.block(of: rank, rows: rows, columns: columns)
    return try MatrixView(memories[rank], rows: block.rows.count, columns: block.columns.count)
  }

  /// The addends of `rank`; the piece itself where the tensor is not a sum.
  func operands(of rank: Int) -> [Reduction.Operand] {
    distribution.nodes(of: rank).indices.map { Reduction.Operand(memories[rank], offset: $0 * rows * columns) }
  }

  /// Throws unless both are of one mesh and one shape.
  func checkShape(equals other: ShardedTensor) throws {
    guard mesh === other.mesh else {
      throw ShardingError.meshMismatch("one tensor is on \(mesh), the other on \(other.mesh)")
    }
    guard rows == other.rows, columns == other.columns else {
      throw ShardingError.shapeMismatch("\(rows) × \(columns) and \(other.rows) × \(other.columns)")
    }
  }

  private init(mesh: DeviceMesh, rows: Int, columns: Int, distribution: Distribution, memories: [DeviceMemory]) {
    self.mesh = mesh
    self.rows = rows
    self.columns = columns
    self.distribution = distribution
    self.memories = memories
  }

  /// Bytes that each rank needs.
  private static func byteCounts(
    on mesh: DeviceMesh, rows: Int, columns: Int, _ distribution: Distribution
  ) throws -> [Int] {
    // A sum has at most one addend for each leaf.
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    let (_, overflowBytes) = count.multipliedReportingOverflow(by: 4 * SumOrder.leafCount)
    guard possibleSizes.contains(rows), possibleSizes.contains(columns), !overflow, !overflowBytes else {
      throw ShardingError.shapeMismatch("a tensor of \(rows) × \(columns) has no size that fits 63 bits")
    }
    try distribution.check(rows: rows, columns: columns, ranks: mesh.count)
    if case .attention(let nodes) = distribution {
      let byteCount = try checkedProduct(4, nodes.capacity, rows, nodes.heads.nodeColumns)
      return mesh.ranks.map { _ in byteCount }
    }
    return mesh.ranks.map { rank in
      let block = distribution.block(of: rank.index, rows: rows, columns: columns)
      return 4 * distribution.nodes(of: rank.index).count * block.rows.count * block.columns.count
    }
  }
}
