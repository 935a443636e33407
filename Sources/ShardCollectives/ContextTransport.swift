// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute
import Synchronization

/// Ranks of one OpenCL context: each reads its peers' memory itself, and only events order them. The host waits for
/// nothing.
package final class ContextTransport: Transport {
  private let devices: [OpenCLDevice]
  /// Intermediate results of long sums, by rank. Holding it also keeps the commands of two collectives apart.
  private let scratch = Mutex<[Int: DeviceMemory]>([:])

  /// Up to this size each rank joins a whole all-reduce itself: reading all addends costs less than the event hop and
  /// the copies that sharing the work needs.
  static let oneShotByteCount = 64 << 10
  /// The least that a rank joins for all: below, a command costs more than its work.
  static let minimumSliceByteCount = 16 << 10
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
  /// reads slice r, so outputs may be inputs.
  package func run(_ joins: [Join]) async throws {
    let slices = joins.flatMap(Slice.slices)
    let moves = try slices.flatMap { try $0.moves() }
    let joinReads = Waits(
      slices.flatMap { slice in slice.join.addends.map { (slice.owner.rank, $0.rank) } })
    let moveReads = Waits(moves.map { ($0.destination.rank, $0.source.rank) })

    try scratch.withLock { scratch in
      try hold(joinReads)
      for slice in slices { try enqueue(slice, &scratch) }
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
    for (rank, others) in waits.others { try devices[rank].follow(others.compactMap { events[$0] }) }
  }

  private func copy(_ move: Move) throws {
    try devices[move.destination.rank].copy(move.source.view, to: move.destination.view)
  }

  /// Enqueues the join of a slice at its owner.
  private func enqueue(_ slice: Slice, _ scratch: inout [Int: DeviceMemory]) throws {
    let (join, start) = (slice.join, slice.columns.lowerBound)
    let (rank, device) = (slice.owner.rank, devices[slice.owner.rank])
    let target = slice.owner.operand.advanced(by: start)
    guard let tree = join.tree else { return try device.zero(target, join, columns: slice.columns.count) }

    let steps = JoinSteps(tree)
    // Addends of one reduction have one stride, so intermediate results have that of the addends.
    let stepCount = (join.rows - 1) * join.addendStride + slice.columns.count
    let kept =
      try steps.intermediateCount == 0
      ? nil
      : memory(
        &scratch, rank, byteCount: steps.intermediateCount * stepCount * join.elementType.byteCount)
    for (position, step) in steps.steps.enumerated() {
      let isLast = position == steps.intermediateCount
      let addends = step.sources.compactMap { source in
        switch source {
        case .addend(let index): join.addends[index].operand.advanced(by: start)
        case .step(let index): kept.map { Reduction.Operand($0, offset: index * stepCount) }
        }
      }
      let result = isLast ? target : kept.map { Reduction.Operand($0, offset: position * stepCount) } ?? target
      try device.reduce(
        Reduction(
          addends, into: result, rows: join.rows, count: slice.columns.count, addendStride: join.addendStride,
          destinationStride: isLast ? join.destinationStride : join.addendStride, elementType: join.elementType,
          operation: join.operation, tree: step.tree))
    }
  }

  /// A rank's scratch memory, which grows; commands that use the old block keep it alive.
  private func memory(_ scratch: inout [Int: DeviceMemory], _ rank: Int, byteCount: Int) throws -> DeviceMemory {
    if let block = scratch[rank], block.byteCount >= byteCount { return block }
    let block = try devices[rank].allocate(byteCount: byteCount)
    scratch[rank] = block
    return block
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
  /// Ranks that copy the result.
  let copiers: [RankOperand]

  /// Cuts a join: each destination all of it, or each a part for all.
  static func slices(_ join: Join) -> [Slice] {
    let all = join.destinations
    let size = join.elementType.byteCount
    let byteCount = join.rows * join.count * size
    let isOneShot = byteCount <= ContextTransport.oneShotByteCount && !join.isInPlace
    if all.count == 1 || isOneShot || join.tree == nil {
      return all.map { Slice(join: join, columns: 0..<join.count, owner: $0, copiers: []) }
    }
    let owners = min(all.count, max(1, byteCount / ContextTransport.minimumSliceByteCount))
    let unit = ContextTransport.sliceAlignment / size
    let units = (join.count + unit - 1) / unit
    return (0..<owners).compactMap { owner in
      let columns = owner * units / owners * unit..<min(join.count, (owner + 1) * units / owners * unit)
      guard !columns.isEmpty else { return nil }
      let copiers = all.enumerated().filter { $0.offset != owner }.map(\.element)
      return Slice(join: join, columns: columns, owner: all[owner], copiers: copiers)
    }
  }

  /// The copies of the result to those who want it.
  func moves() throws -> [Move] {
    let stride = join.destinationStride
    var moves: [Move] = []
    for copier in copiers {
      try moves.append(
        owner.block(at: columns.lowerBound, stride: stride), to: copier.block(at: columns.lowerBound, stride: stride),
        rows: join.rows, columns: columns.count, join.elementType)
    }
    return moves
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
  fileprivate func zero(_ target: Reduction.Operand, _ join: Join, columns: Int) throws {
    let size = join.elementType.byteCount
    for row in 0..<join.rows {
      var (start, byteCount) = ((target.offset + row * join.destinationStride) * size, columns * size)
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
