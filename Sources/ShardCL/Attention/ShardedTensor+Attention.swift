// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

extension ShardedTensor {
  /// Joins the nodes of all ranks into `result`: an all-gather of the nodes, then each rank joins what it wants of them.
  ///
  /// A node of a row takes 4 · queryHeads · (valueSize + 2) bytes; a rank has few of them, one where its keys are a complete
  /// subtree.
  func join(_ nodes: AttentionNodes, into result: ShardedTensor) async throws {
    let (heads, lists) = (nodes.heads, nodes.current)
    let counts = lists.ranks.map { $0.map(\.count).max() ?? 0 }
    let slots = counts.reduce(0, +)
    let slotFloats = try checkedProduct(rows, heads.nodeColumns)
    let gathered = try mesh.ranks.map { rank in
      try nodes.gathered(rank: rank.index, on: rank.device, byteCount: checkedProduct(4, slots, slotFloats))
    }
    try await mesh.communicator.allGather(
      memories.map { Reduction.Operand($0) }, into: gathered.map { Reduction.Operand($0) },
      cut: Cut(counts: counts.map { $0 * slotFloats }))

    let firstSlots = counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    let all = (0..<min(rows, lists.first.count)).map { row in
      lists.ranks.enumerated().flatMap { rank, rows in
        (rows.indices.contains(row) ? rows[row] : []).enumerated().map { (node: $1, slot: firstSlots[rank] + $0) }
      }
    }
    for rank in mesh.ranks {
      let block = result.distribution.block(of: rank.index, rows: rows, columns: columns)
      let range = try headRange(block.columns, heads)
      let wanted = block.rows.clamped(to: 0..<all.count)
      let join = try AttentionJoin(
        AttentionNodeLists(all, first: lists.first, rows: wanted, slots: slots, in: nodes.listMemory(rank: rank.index)),
        of: gathered[rank.index], slotRows: rows, heads: heads, range: range, sinks: nodes.sinks?.piece(of: rank.index),
        into: result.piece(of: rank.index))
      try await rank.device.enqueue { try rank.device.join(join) }
      try rank.device.flush()
    }
  }

  private func headRange(_ columns: Range<Int>, _ heads: AttentionHeads) throws -> Range<Int> {
    let size = heads.valueSize
    guard columns.lowerBound.isMultiple(of: size), columns.upperBound.isMultiple(of: size) else {
      throw ShardingError.partitionMismatch("columns \(columns) of an attention; its heads have \(size) columns each")
    }
    return columns.lowerBound / size..<columns.upperBound / size
  }
}
