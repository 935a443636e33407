// SPDX-License-Identifier: Apache-2.0
import CShardHost

/// How a device likes its tasks.
struct AttentionTaskShape: Hashable, Sendable {
  /// Sequences of at most so many rows, queries times heads of a group, are for tiles of few rows.
  let fewRows: Int
  /// Rows of a tile in the other tasks, and the most tiles of a task.
  let tileRows: Int, mostTiles: Int
  /// Tasks that keep the device busy.
  let parallelism: Int
  /// The fewest chunks of a task that is one of several for its queries: shorter ones take less than their join.
  let shortestRun: Int

  init(_ device: any ComputeDevice) {
    let capabilities = device.capabilities
    switch capabilities.architecture {
    case .gpu:
      (fewRows, tileRows, mostTiles) = (4, 16, 1)
      (parallelism, shortestRun) = (8 * capabilities.computeUnits, 1)
    case .cpu, .host:
      (fewRows, mostTiles) = (8, 8)
      tileRows = (device as? OpenCLDevice)?.tiles.activationPanelWidth ?? Int(shard_host_attention_rows(false))
      (parallelism, shortestRun) = (8 * capabilities.computeUnits, 4)
    }
  }
}

/// The work of an attention, cut into tasks.
struct AttentionTasks {
  /// Some queries of a sequence against a run of chunks, for each KV head.
  struct Task {
    let sequence: Int
    let queries: Range<Int>
    let chunks: Range<Int>
    /// Where its sums go, −1 where they are whole.
    let slot: Int
    /// Rows: queries times heads of a group.
    let rows: Int
    /// Levels at which its sums wait.
    let levels: Int

    var cost: Int { queries.count * chunks.count }
  }

  /// Queries that several tasks share.
  struct Split {
    let sequence: Int
    let queries: Range<Int>
    let firstSlot: Int
    /// The joins after each task's node, and the nodes that are left.
    let joins: [Int], left: [AttentionOrder.Node]
  }

  private(set) var few: [Task] = [], many: [Task] = []
  private(set) var splits: [Split] = []
  private(set) var slots = 0, slotQueries = 0

  /// Queries that stay together, and the chunks that at least one of them sees.
  private struct Block {
    let sequence: Int
    let queries: Range<Int>
    let seen: Range<Int>
    let isFew: Bool
  }

  init(
    _ sequences: [KVSequence], heads: AttentionHeads, span: AttentionRule.Span, cutsKeys: Bool,
    shape: AttentionTaskShape
  ) {
    let blocks = Self.blocks(sequences, heads, span, shape)
    let level = Self.splitLevel(blocks, heads, shape)
    for block in blocks {
      add(block, local: cutsKeys ? sequences[block.sequence].localChunks : nil, level: level, group: heads.group)
    }
  }

  private static func blocks(
    _ sequences: [KVSequence], _ heads: AttentionHeads, _ span: AttentionRule.Span, _ shape: AttentionTaskShape
  ) -> [Block] {
    let group = max(1, heads.group)
    let many = sequences.map { $0.queries.count * group }.filter { $0 > shape.fewRows }
    let tiles = many.reduce(0) { $0 + ($1 + shape.tileRows - 1) / shape.tileRows } * heads.kvHeads
    let together = max(1, min(shape.mostTiles, tiles / shape.parallelism)) * shape.tileRows
    return sequences.enumerated().flatMap { index, sequence in
      let (queries, keys) = (sequence.queries.count, sequence.keyCount)
      let isFew = queries * group <= shape.fewRows
      let length = isFew ? max(1, queries) : max(1, together / group)
      return stride(from: 0, to: queries, by: length).map { first in
        let range = first..<min(queries, first + length)
        let begin = span.seen(by: range.lowerBound, of: queries, keys: keys).lowerBound
        let end = span.seen(by: range.upperBound - 1, of: queries, keys: keys).upperBound
        return Block(
          sequence: index, queries: range, seen: AttentionOrder.chunks(of: min(begin, end)..<end), isFew: isFew)
      }
    }
  }

  /// The height of the subtrees that tasks have: so small that all compute units have work.
  private static func splitLevel(_ blocks: [Block], _ heads: AttentionHeads, _ shape: AttentionTaskShape) -> Int {
    let tasks = blocks.count * heads.kvHeads
    guard tasks > 0, tasks < shape.parallelism / 2, let longest = blocks.map(\.seen.count).max() else {
      return AttentionOrder.mostLevels
    }
    let pieces = (shape.parallelism + tasks - 1) / tasks
    let run = max(shape.shortestRun, (longest + pieces - 1) / pieces)
    return Int.bitWidth - max(0, run - 1).leadingZeroBitCount
  }

  private mutating func add(_ block: Block, local: Range<Int>?, level: Int, group: Int) {
    let nodes = AttentionOrder.nodes(covering: local ?? block.seen, seen: block.seen, level: level)
    func addTask(_ chunks: Range<Int>, slot: Int, levels: Int) {
      let task = Task(
        sequence: block.sequence, queries: block.queries, chunks: chunks, slot: slot,
        rows: block.queries.count * group, levels: levels)
      if block.isFew { few.append(task) } else { many.append(task) }
    }
    let levels = Int.bitWidth - max(0, block.seen.upperBound - 1).leadingZeroBitCount + 1
    if local == nil, nodes.count <= 1 { return addTask(block.seen, slot: -1, levels: levels) }
    let (joins, left) = AttentionOrder.joins(of: nodes, first: block.seen.lowerBound, isWhole: local == nil)
    let owned = (local ?? block.seen).clamped(to: block.seen)
    splits.append(
      Split(sequence: block.sequence, queries: block.queries, firstSlot: slots, joins: joins, left: left))
    for node in nodes {
      addTask(node.chunks.clamped(to: owned), slot: slots, levels: min(levels, node.level + 1))
      slots += 1
    }
    slotQueries = max(slotQueries, block.queries.count)
  }
}
