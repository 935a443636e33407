// SPDX-License-Identifier: Apache-2.0

/// The join of the nodes that several ranks have of the same queries: the end of an attention whose keys are cut over ranks.
///
/// A node is the sum over a complete subtree of a query's chunks of keys, not yet divided: for each head `valueSize`
/// numbers, the largest score and the sum of weights. Nodes are joined in the order that one rank alone keeps.
public struct AttentionJoin: Sendable {
  /// Sizes of all heads of a node's row.
  package let heads: AttentionHeads
  /// The heads that are wanted.
  package let range: Range<Int>
  /// rows of nodes × queryHeads · (valueSize + 2), one slot of `slotRows` rows after the other.
  package let nodes: DeviceMemory
  /// Rows of a slot.
  package let slotRows: Int
  /// Rows of queries × range.count · valueSize, f32, row-major.
  package let result: MatrixView
  /// For each query head a score without a value.
  package let sinks: MatrixView?
  /// Rows of queries × range.count, f32, row-major.
  package let logSumExp: MatrixView?
  let lists: AttentionNodeLists

  /// - Throws: `ComputeError.mismatch` or `.outOfBounds` with the values.
  package init(
    _ lists: AttentionNodeLists, of nodes: DeviceMemory, slotRows: Int, heads: AttentionHeads, range: Range<Int>? = nil,
    sinks: MatrixView? = nil, into result: MatrixView, logSumExp: MatrixView? = nil
  ) throws {
    let range = range ?? 0..<heads.queryHeads
    guard range.lowerBound >= 0, range.upperBound <= heads.queryHeads else {
      throw ComputeError.mismatch("heads \(range) of \(heads.queryHeads)")
    }
    try result.checkRowMajor("result", columns: range.count * heads.valueSize)
    try sinks?.checkRowMajor("sinks", rows: 1, columns: heads.queryHeads)
    try logSumExp?.checkRowMajor("log-sum-exp", rows: result.rows, columns: range.count)
    try nodes.checkRange(0, checkedProduct(4, lists.slots, slotRows, heads.nodeColumns))
    guard lists.rows.upperBound - lists.rows.lowerBound <= result.rows, lists.rows.upperBound <= slotRows else {
      throw ComputeError.mismatch(
        "rows \(lists.rows) of slots of \(slotRows) rows into a result of \(result.rows) rows")
    }
    self.heads = heads
    self.range = range
    self.nodes = nodes
    self.slotRows = slotRows
    self.result = result
    self.sinks = sinks
    self.logSumExp = logSumExp
    self.lists = lists
  }
}

/// Which nodes of which slots each row has, in a device's memory; replaced for each step.
package final class AttentionNodeLists: Sendable {
  /// The rows that get results, the first of them in row 0.
  package let rows: Range<Int>
  /// Slots that the lists use.
  package let slots: Int
  let memory: DeviceMemory
  let queries: AttentionRecords.Records
  let nodesAt: Int

  /// For each of `rows` the nodes of all ranks, ascending, and their slots.
  ///
  /// - Parameter memory: where the lists of the step before were.
  package init(
    _ nodes: [[(node: AttentionOrder.Node, slot: Int)]], first: [Int], rows: Range<Int>, slots: Int,
    in memory: AttentionListMemory
  ) throws {
    var (words, lists): ([Int32], [Int32]) = ([], [])
    for (index, row) in rows.enumerated() {
      words += [Int32(index), Int32(row), Int32(nodes[row].count), Int32(lists.count)]
      let joins = AttentionOrder.joins(of: nodes[row].map(\.node), first: first[row], isWhole: true).counts
      for (node, count) in zip(nodes[row], joins) { lists += [Int32(node.slot), Int32(count)] }
    }
    self.rows = rows
    self.slots = slots
    queries = AttentionRecords.Records(at: 0, count: rows.count)
    nodesAt = words.count
    self.memory = try memory.records.write(words + lists)
  }
}

/// Memory for `AttentionNodeLists`, which grows to what was needed.
package final class AttentionListMemory: Sendable {
  let records: RecordMemory

  package init(on device: any ComputeDevice) { records = RecordMemory(on: device) }
}
