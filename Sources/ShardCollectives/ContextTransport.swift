// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute
import Synchronization

/// Ranks of one OpenCL context: each reads its peers' memory itself, and only events order them. The host waits for
/// nothing.
package final class ContextTransport: Transport {
  private let devices: [OpenCLDevice]
  /// Holding it also keeps the commands of two collectives apart.
  private let scratch = Mutex(Scratch())

  /// What a rank reads in the time that an event takes to another queue: about 10 µs at 12 GB/s.
  static let hopByteCount = 128 << 10
  /// Slices begin on cache lines, so that two ranks never write the same one.
  static let sliceAlignment = 64

  /// Nil unless all devices are OpenCL devices of one context.
  package init?(_ devices: [any ComputeDevice]) {
    let openCL = devices.compactMap { $0 as? OpenCLDevice }
    guard openCL.count == devices.count, let first = openCL.first, openCL.allSatisfy({ $0.context === first.context })
    else { return nil }
    self.devices = openCL
  }

  package func run(_ moves: [Move]) async throws {
    try scratch.withLock { _ in
      let reads = Waits(moves.map { ($0.destination.rank, $0.source.rank) })
      try hold(reads)
      for move in moves { try copy(move) }
      try hold(reads.reversed)
    }
  }

  /// Ranks join what they want themselves, or (large all-reduce) each a slice that the others then copy. Rank r alone
  /// reads slice r, so outputs may be inputs; a small all-reduce in place goes through scratch memory instead.
  package func run(_ joins: [Join]) async throws {
    let slices = joins.flatMap(Slice.slices)
    let joinReads = Waits(
      slices.flatMap { slice in slice.join.addends.map { (slice.owner.rank, $0.rank) } })

    try scratch.withLock { scratch in
      scratch.reset()
      try hold(joinReads)
      var moves: [Move] = []
      for slice in slices { moves += try enqueue(slice, &scratch) }
      let moveReads = Waits(moves.map { ($0.destination.rank, $0.source.rank) })
      try hold(joinReads.reversed.union(moveReads))
      for move in moves { try copy(move) }
      try hold(moveReads.reversed)
    }
  }

  package func barrier() async throws {
    let ranks = devices.indices
    try scratch.withLock { _ in
      try hold(Waits(ranks.flatMap { rank in ranks.map { (rank, $0) } }))
    }
  }

  /// Makes ranks wait for everything enqueued so far on others.
  ///
  /// Every event is enqueued before anything waits for it, so waits cannot form a circle, whoever else enqueues.
  private func hold(_ waits: Waits) throws {
    var events: [Int: Event] = [:]
    for rank in waits.awaited { events[rank] = try devices[rank].signal() }
    for (rank, others) in waits.others { devices[rank].follow(others.compactMap { events[$0] }) }
  }

  private func copy(_ move: Move) throws {
    try devices[move.destination.rank].copy(move.source.view, to: move.destination.view)
  }

  /// Builds what `enqueue` needs, which runs under a lock and must not.
  private func prepare(_ slice: Slice) async throws {
    guard let tree = slice.join.tree else { return }
    for step in JoinSteps(tree).steps {
      try await devices[slice.owner.rank].prepare(step.tree, slice.join.elementType, slice.join.operation)
    }
  }

  /// Enqueues the join of a slice at its owner; returns the copies that follow once every rank has read its addends.
  private func enqueue(_ slice: Slice, _ scratch: inout Scratch) throws -> [Move] {
    let (join, rank) = (slice.join, slice.owner.rank)
    let device = devices[rank]
    let (start, count) = (slice.columns.lowerBound, slice.columns.count)
    guard let tree = join.tree else {
      try device.zero(slice.owner.operand, join)
      return []
    }
    let steps = JoinSteps(tree)
    // All addends of a reduction have one stride, so intermediate results have that of the addends.
    let stepCount = (join.rows - 1) * join.addendStride + count
    let kept = try (0..<steps.intermediateCount).map { _ in
      try scratch.take(stepCount, join.elementType, rank, device)
    }
    let target =
      slice.isStaged
      ? try scratch.take((join.rows - 1) * join.destinationStride + count, join.elementType, rank, device)
      : slice.owner.operand.advanced(by: start)
    for (position, step) in steps.steps.enumerated() {
      let addends = step.sources.map { source in
        switch source {
        case .addend(let index): join.addends[index].operand.advanced(by: start)
        case .step(let index): kept[index]
        }
      }
      let isLast = position == kept.count
      try device.reduce(
        Reduction(
          addends, into: isLast ? target : kept[position], rows: join.rows, count: count,
          addendStride: join.addendStride, destinationStride: isLast ? join.destinationStride : join.addendStride,
          elementType: join.elementType, operation: join.operation, tree: step.tree))
    }
    var moves: [Move] = []
    let result = RankOperand(rank: rank, operand: target).block(stride: join.destinationStride)
    for place in slice.copiers {
      try moves.append(
        result, to: place.block(at: start, stride: join.destinationStride), rows: join.rows, columns: count,
        join.elementType)
    }
    return moves
  }
}

/// Memory of each rank for what lives no longer than one collective. It grows to the largest need; commands keep a
/// block that was replaced alive, and a rank's queue keeps those of one collective from those of the next.
private struct Scratch {
  private var blocks: [Int: DeviceMemory] = [:]
  /// Bytes in use of each rank's block.
  private var used: [Int: Int] = [:]

  mutating func reset() { used = [:] }

  /// Takes `count` elements of rank `rank`.
  mutating func take(
    _ count: Int, _ elementType: ElementType, _ rank: Int, _ device: OpenCLDevice
  ) throws -> Reduction.Operand {
    let byteCount = (count * elementType.byteCount + 63) & ~63
    var start = used[rank] ?? 0
    var block = blocks[rank]
    if (block?.byteCount ?? 0) - start < byteCount { (block, start) = (nil, 0) }
    // Twice as large, so that a few collectives find the size; as far as the device allows.
    let twice = min(2 * (blocks[rank]?.byteCount ?? 0), device.capabilities.maximumAllocationByteCount)
    let memory = try block ?? device.allocate(byteCount: max(byteCount, twice))
    blocks[rank] = memory
    used[rank] = start + byteCount
    return Reduction.Operand(memory, offset: start / elementType.byteCount)
  }
}

/// Which ranks wait for which others.
private struct Waits {
  private(set) var others: [Int: Set<Int>] = [:]

  /// Pairs of a rank and one that it waits for; a rank never waits for itself, since its queue is in order.
  init(_ pairs: [(rank: Int, other: Int)]) {
    for (rank, other) in pairs where rank != other { others[rank, default: []].insert(other) }
  }

  /// All ranks that others wait for.
  var awaited: Set<Int> { others.values.reduce(into: []) { $0.formUnion($1) } }

  /// The same pairs the other way round: those read from wait for their readers.
  var reversed: Waits { Waits(others.flatMap { rank, others in others.map { ($0, rank) } }) }

  func union(_ more: Waits) -> Waits {
    var result = self
    result.others.merge(more.others) { $0.union($1) }
    return result
  }
}

/// Columns of a join that one rank computes, for itself and perhaps for others.
private struct Slice {
  let join: Join
  let columns: Range<Int>
  let owner: RankOperand
  /// Whether the result goes to scratch memory first.
  var isStaged = false
  /// Where the result is copied to.
  var copiers: [RankOperand] = []

  /// Cuts a join: each destination all of it, or each a part for all.
  static func slices(_ join: Join) -> [Slice] {
    let all = join.destinations
    if all.count == 1 || join.tree == nil {
      return all.map { Slice(join: join, columns: 0..<join.count, owner: $0) }
    }
    if isOneShot(join) {
      // In place, nobody may write before everybody has read.
      let isStaged = join.isInPlace
      return all.map {
        Slice(join: join, columns: 0..<join.count, owner: $0, isStaged: isStaged, copiers: isStaged ? [$0] : [])
      }
    }
    let unit = ContextTransport.sliceAlignment / join.elementType.byteCount
    let units = (join.count + unit - 1) / unit
    return all.indices.compactMap { index in
      let columns = index * units / all.count * unit..<min(join.count, (index + 1) * units / all.count * unit)
      guard !columns.isEmpty else { return nil }
      let copiers = all.enumerated().filter { $0.offset != index }.map(\.element)
      return Slice(join: join, columns: columns, owner: all[index], copiers: copiers)
    }
  }

  /// Whether each rank joins everything. With n ranks it then reads and writes n + 1 times the data; joining one slice
  /// and copying the others costs 3 − 1/n times the data and a second event hop.
  private static func isOneShot(_ join: Join) -> Bool {
    let ranks = join.destinations.count
    let byteCount = join.rows * join.count * join.elementType.byteCount
    return byteCount <= ContextTransport.hopByteCount * ranks / ((ranks - 1) * (ranks - 1))
  }
}

extension Reduction.Operand {
  fileprivate func advanced(by elements: Int) -> Reduction.Operand {
    Reduction.Operand(memory, offset: offset + elements)
  }
}

extension OpenCLDevice {
  /// Two bytes that are zero, for ends of 16-bit vectors; fills are of whole words.
  private static let zeroes = HostMemory(byteCount: 2)

  /// Sets the sum of no addends.
  fileprivate func zero(_ target: Reduction.Operand, _ join: Join) throws {
    let size = join.elementType.byteCount
    for row in 0..<join.rows {
      var (start, byteCount) = ((target.offset + row * join.destinationStride) * size, join.count * size)
      if start % 4 != 0, byteCount > 0 {
        try write(Self.zeroes, at: 0, byteCount: 2, to: target.memory, at: start)
        (start, byteCount) = (start + 2, byteCount - 2)
      }
      try fill(target.memory, at: start, byteCount: byteCount & ~3, with: 0)
      if byteCount % 4 != 0 {
        try write(Self.zeroes, at: 0, byteCount: 2, to: target.memory, at: start + (byteCount & ~3))
      }
    }
  }
}
