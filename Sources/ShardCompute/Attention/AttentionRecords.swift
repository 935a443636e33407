// SPDX-License-Identifier: Apache-2.0

/// The records that kernels of attention read (`Kernels/common/attention`), 32 bits a word, and where they are.
struct AttentionRecords: Sendable {
  /// All records, kind after kind.
  private(set) var words: [Int32] = []
  /// Rows of queries and results.
  let rows: Int
  /// Where the records of sequences, the table of blocks and the places of tokens begin.
  private(set) var sequencesAt = 0, tableAt = 0, placesAt = 0
  /// Tasks of few rows, and those of many.
  private(set) var few = TaskList(), many = TaskList()
  /// Queries whose tasks leave nodes, and where the lists of their nodes begin.
  private(set) var joined = Records(), nodesAt = 0
  /// Slots for nodes, and the most queries of one.
  private(set) var slots = 0, slotQueries = 0
  /// The nodes that each row is left with, where other ranks have keys of its sequence too.
  private(set) var nodes: [[AttentionOrder.Node]] = []
  /// The most nodes of a row.
  var mostNodes: Int { nodes.map(\.count).max() ?? 0 }
  /// Whether the queries of each sequence can be those of its last keys.
  let canAppend: Bool
  /// The number of the last key that a query belongs to; −1 where there is none.
  let lastPosition: Int

  /// Where records of one kind are.
  struct Records: Sendable {
    var at = 0, count = 0
  }

  /// Tasks for one kernel.
  struct TaskList: Sendable {
    var records = Records()
    /// The most rows of a task, and the levels at which its sums wait.
    var rows = 0, levels = 0
  }

  /// - Throws: `ComputeError.mismatch` with what is wrong with which sequence.
  init(
    _ sequences: [KVSequence], heads: AttentionHeads, span: AttentionRule.Span, cutsKeys: Bool, blockLength: Int,
    blocks: Int, shape: AttentionTaskShape
  ) throws {
    for (position, sequence) in sequences.enumerated() {
      try sequence.check(position, blockLength: blockLength, blocks: blocks, isCut: cutsKeys)
    }
    let ordered = sequences.map(\.queries).filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
    for (one, next) in zip(ordered, ordered.dropFirst()) where next.lowerBound < one.upperBound {
      throw ComputeError.mismatch("two sequences with rows \(one) and \(next); each row has one sequence")
    }
    rows = ordered.last?.upperBound ?? 0
    canAppend = sequences.allSatisfy { $0.queries.count <= $0.keyCount }
    lastPosition = sequences.filter { !$0.queries.isEmpty }.map { $0.keyCount - 1 }.max() ?? -1
    nodes = cutsKeys ? Array(repeating: [], count: rows) : []
    addSequences(sequences)
    addPlaces(sequences, blockLength: blockLength)
    addTasks(AttentionTasks(sequences, heads: heads, span: span, cutsKeys: cutsKeys, shape: shape), sequences, shape)
  }

  private mutating func addSequences(_ sequences: [KVSequence]) {
    sequencesAt = words.count
    var entry = 0
    for sequence in sequences {
      add([
        sequence.queries.lowerBound, sequence.queries.count, sequence.keyCount, entry, sequence.localKeys.lowerBound,
        0, 0, 0,
      ])
      entry += sequence.blocks.count
    }
    tableAt = words.count
    for sequence in sequences { add(sequence.blocks) }
  }

  /// Where each row's own key goes, and its number; −1 for rows of no sequence, and keys that are not here.
  private mutating func addPlaces(_ sequences: [KVSequence], blockLength: Int) {
    placesAt = words.count
    words += Array(repeating: -1, count: 2 * rows)
    for sequence in sequences {
      for (query, row) in sequence.queries.enumerated() {
        let number = sequence.keyCount - sequence.queries.count + query
        guard number >= 0 else { continue }
        words[placesAt + 2 * row + 1] = Int32(number)
        guard sequence.localKeys.contains(number) else { continue }
        let local = number - sequence.localKeys.lowerBound
        words[placesAt + 2 * row] = Int32(
          sequence.blocks[local / blockLength] * blockLength + local % blockLength)
      }
    }
  }

  private mutating func addTasks(_ tasks: AttentionTasks, _ sequences: [KVSequence], _ shape: AttentionTaskShape) {
    slots = tasks.slots
    slotQueries = tasks.slotQueries
    few = addList(tasks.few)
    many = addList(tasks.many)
    // A list has, for each node of a query, its slot and the joins that follow.
    var lists: [Int] = []
    joined.at = words.count
    for split in tasks.splits {
      let row0 = sequences[split.sequence].queries.lowerBound + split.queries.lowerBound
      for query in 0..<split.queries.count {
        add([row0 + query, query, split.joins.count, lists.count])
        joined.count += 1
        if !nodes.isEmpty { nodes[row0 + query] = split.left }
      }
      for (index, joins) in split.joins.enumerated() { lists += [split.firstSlot + index, joins] }
    }
    nodesAt = words.count
    add(lists)
  }

  private mutating func addList(_ tasks: [AttentionTasks.Task]) -> TaskList {
    var list = TaskList(records: Records(at: words.count, count: tasks.count))
    // The last record comes first: long tasks, then short ones that fill the gaps.
    for task in tasks.sorted(by: { $0.cost < $1.cost }) {
      add([
        task.sequence, task.queries.lowerBound, task.queries.count, task.chunks.lowerBound, task.chunks.upperBound,
        task.slot, 0, 0,
      ])
      list.rows = max(list.rows, task.rows)
      list.levels = max(list.levels, task.levels)
    }
    return list
  }

  /// All numbers fit: keys, rows and blocks are counted in 31 bits.
  private mutating func add(_ numbers: [Int]) { words += numbers.map { Int32(truncatingIfNeeded: $0) } }
}
