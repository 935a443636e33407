// SPDX-License-Identifier: Apache-2.0
import ShardCompute

@testable import ShardCollectives

/// A transport that does one thing wrong, to show that the checks see it.
struct FaultyTransport: Transport {
  enum Fault: CaseIterable, Sendable {
    /// One bit of one element of one rank's result is turned over.
    case bit
    /// Addends are joined in the opposite order.
    case order
    /// The last rank's result is missing.
    case missing
    /// One element past a result is written.
    case stray
  }

  let sound: any Transport
  let devices: [any ComputeDevice]
  let fault: Fault

  func run(_ joins: [Join], until deadline: ContinuousClock.Instant) async throws -> Milestones {
    switch fault {
    case .order:
      return try await sound.run(joins.map { $0.with(addends: $0.addends.reversed()) }, until: deadline)
    case .missing:
      return try await sound.run(joins.map { $0.with(destinations: $0.destinations.dropLast()) }, until: deadline)
    case .bit, .stray:
      let milestones = try await sound.run(joins, until: deadline)
      guard let join = joins.last, let place = join.destinations.last else { return milestones }
      let element = place.operand.offset + (fault == .bit ? join.count / 2 : join.count)
      let size = join.elementType.byteCount
      let device = devices[place.rank]
      let access = try await device.beginAccess(
        place.operand.memory, at: element * size, byteCount: size, writing: true)
      access.withBytes { $0[0] ^= 1 }
      try device.endAccess(access)
      return milestones
    }
  }

  func run(_ moves: [Move], until deadline: ContinuousClock.Instant) async throws -> Milestones {
    try await sound.run(moves, until: deadline)
  }
  func barrier(until deadline: ContinuousClock.Instant) async throws -> Milestones {
    try await sound.barrier(until: deadline)
  }
}

extension Join {
  fileprivate func with(addends: [RankOperand]? = nil, destinations: ArraySlice<RankOperand>? = nil) -> Join {
    Join(
      addends: addends ?? self.addends, tree: tree, destinations: destinations.map(Array.init) ?? self.destinations,
      rows: rows, count: count, addendStride: addendStride, destinationStride: destinationStride,
      elementType: elementType, operation: operation)
  }
}
