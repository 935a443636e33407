// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The addends of all ranks in the order of their nodes, with the tree over them.
struct Sum {
  let addends: [RankOperand]
  let tree: ReductionTree?
  let elementType: ElementType
  let operation: Reduction.Operation

  /// The most addends of one collective; a tree is built and walked for each call.
  static let maximumAddends = 256
  /// Nodes above this level or past this leaf are no part of any sum.
  static let maximumLevel = 32

  func extents(_ count: Int) -> [Extent] {
    addends.map { Extent(what: "addend", rank: $0.rank, operand: $0.operand, count: count) }
  }

  /// The join of `rows` × `count` elements that begin `start` into each addend, whose rows are `stride` apart.
  func join(from start: Int = 0, stride: Int? = nil, into destinations: [RankOperand], rows: Int = 1, count: Int)
    -> Join
  {
    Join(
      addends: addends.map {
        RankOperand(rank: $0.rank, operand: .init($0.operand.memory, offset: $0.operand.offset + start))
      },
      tree: tree, destinations: destinations, rows: rows, count: count, addendStride: stride ?? count,
      destinationStride: count, elementType: elementType, operation: operation)
  }
}

extension Communicator {
  /// Puts the addends of all ranks into the order of their nodes.
  func gather(
    _ contributions: [Contribution], _ elementType: ElementType, _ operation: Reduction.Operation
  ) throws(CollectiveError) -> Sum {
    try check(count: contributions.count, of: "contributions")
    var entries: [(node: SumNode, addend: RankOperand)] = []
    for (rank, contribution) in contributions.enumerated() {
      let (addends, nodes) = (contribution.addends, contribution.nodes)
      guard addends.count == nodes.count else {
        throw .nodeCount(rank: rank, addends: addends.count, nodes: nodes.count)
      }
      for (node, operand) in zip(nodes, addends) {
        // Leaves of a node past the largest tree would not fit an `Int`.
        guard (0...Sum.maximumLevel).contains(node.level), node.index >= 0,
          node.index < 1 << (Sum.maximumLevel - node.level)
        else { throw .node(node, rank: rank) }
        entries.append((node, RankOperand(rank: rank, operand: operand)))
      }
    }
    // Passes of a longer sum meet in memory, where 16-bit types would round between them.
    let limit = elementType == .f32 || operation != .sum ? Sum.maximumAddends : Reduction.maximumAddends
    guard entries.count <= limit else { throw .tooManyAddends(entries.count, limit: limit, elementType: elementType) }
    guard !entries.isEmpty || operation == .sum else { throw .nothingToJoin(operation) }

    entries.sort { $0.node.leaves.lowerBound < $1.node.leaves.lowerBound }
    for (left, right) in zip(entries, entries.dropFirst())
    where right.node.leaves.lowerBound < left.node.leaves.upperBound {
      throw .node(right.node, rank: right.addend.rank)
    }
    return Sum(
      addends: entries.map(\.addend), tree: ReductionTree(nodes: entries.map(\.node)), elementType: elementType,
      operation: operation)
  }
}
