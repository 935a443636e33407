// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

extension ShardedTensor {
  /// The same matrix in another placement; itself where that is how it is. `.shard` is even unless `partition` is given.
  ///
  /// | from → to | collective | bytes that leave each of N ranks, for S bytes in all |
  /// | --- | --- | --- |
  /// | `.partial` → `.replicate` | all-reduce | about 2 · S |
  /// | `.partial` → `.shard` | reduce-scatter | about S |
  /// | `.partial` of an attention → `.replicate`, `.shard` | all-gather of nodes, then a join | S for each node of a rank |
  /// | `.shard` → `.replicate` | all-gather | about S |
  /// | `.shard` → another `.shard` | all-to-all | about S / N |
  /// | `.replicate` → `.shard` | none, a local slice | 0 |
  ///
  /// - Throws: `ShardingError.noTransition` for another placement than `.partial` to `.partial`; the driver's error.
  public func redistribute(to placement: Placement, partition: Partition? = nil) async throws -> ShardedTensor {
    guard placement != .partial || self.placement == .partial else {
      throw ShardingError.noTransition(from: self.placement, to: placement)
    }
    if placement == .partial { return self }
    let target = try Distribution(
      placement, rows: rows, columns: columns, ranks: mesh.count, partition: partition)
    if target == distribution { return self }
    let result = try ShardedTensor(on: mesh, rows: rows, columns: columns, distribution: target)
    try await redistribute(into: result)
    return result
  }

  /// Moves the matrix into an existing tensor of the same mesh and shape, in that tensor's placement.
  ///
  /// Allocates nothing, except from `.shard(1)` to another partition of the columns, which goes by way of `.shard(0)`.
  /// The two must not share memory.
  /// - Throws: `ShardingError`; the driver's error.
  public func redistribute(into result: ShardedTensor) async throws {
    try checkShape(equals: result)
    switch (distribution, result.distribution) {
    case (.attention(let nodes), .replicate), (.attention(let nodes), .shard):
      try await join(nodes, into: result)
    case (.partial, .replicate), (.addends, .replicate):
      try await mesh.communicator.allReduce(
        contributions, into: result.operands, count: rows * columns, elementType: .f32, operation: .sum)
    case (.partial, .shard(let axis, let partition)), (.addends, .shard(let axis, let partition)):
      try await mesh.communicator.reduceScatter(
        contributions, into: result.operands, cut: cut(axis, partition), elementType: .f32, operation: .sum)
    case (.shard(let axis, let partition), .replicate):
      try await mesh.communicator.allGather(
        operands, into: result.operands, cut: cut(axis, partition), elementType: .f32)
    case (.replicate, .shard):
      for rank in mesh.ranks {
        let block = result.distribution.block(of: rank.index, rows: rows, columns: columns)
        if block.rows.isEmpty || block.columns.isEmpty { continue }
        let part = try piece(of: rank.index).rows(block.rows).columns(block.columns)
        try rank.device.copy(part, to: result.piece(of: rank.index))
      }
    case let (from, to) where from == to:
      for rank in mesh.ranks { try copyPiece(of: rank, to: result) }
    case (.shard(0, let from), .shard(1, let to)):
      try await mesh.communicator.allToAll(
        operands, into: result.operands, rowCounts: from.counts, columnCounts: to.counts, .rowsToColumns)
    case (.shard(1, let from), .shard(0, let to)):
      try await mesh.communicator.allToAll(
        operands, into: result.operands, rowCounts: to.counts, columnCounts: from.counts, .columnsToRows)
    case (.shard(let axis, let from), .shard(_, let to)) where axis == 0 || rows == 1:
      // Pieces are whole runs of elements, which go to the ranks in order.
      let width = axis == 0 ? columns : 1
      try await mesh.communicator.allToAll(
        operands, into: result.operands, counts: from.overlaps(with: to).map { $0.map { $0 * width } })
    case (.shard, .shard):
      // From columns to other columns by way of rows.
      try await redistribute(to: .shard(0)).redistribute(into: result)
    case (let from, let to):
      throw ShardingError.noTransition(from: from.placement, to: to.placement)
    }
  }

  /// The addends of all ranks and where they belong in the sum.
  private var contributions: [Contribution] {
    mesh.ranks.map { Contribution(operands(of: $0.index), nodes: distribution.nodes(of: $0.index)) }
  }

  /// The piece of each rank.
  private var operands: [Reduction.Operand] { memories.map { Reduction.Operand($0) } }

  /// A cut of the matrix as runs of elements in its rows; whole rows are one run.
  private func cut(_ axis: Int, _ partition: Partition) -> Cut {
    axis == 0
      ? Cut(rows: 1, counts: partition.counts.map { $0 * columns }) : Cut(rows: rows, counts: partition.counts)
  }

  private func copyPiece(of rank: Rank, to result: ShardedTensor) throws {
    // All addends of a sum lie one after the other.
    let piece = try piece(of: rank.index)
    let count = piece.rows * piece.columns * distribution.nodes(of: rank.index).count
    try rank.device.copy(
      MatrixView(memories[rank.index], rows: 1, columns: count),
      to: MatrixView(result.memories[rank.index], rows: 1, columns: count))
  }
}

extension Partition {
  /// How much each part of this cut shares with each part of `other`.
  fileprivate func overlaps(with other: Partition) -> [[Int]] {
    (0..<parts).map { source in
      (0..<other.parts).map { range(of: source).clamped(to: other.range(of: $0)).count }
    }
  }
}
