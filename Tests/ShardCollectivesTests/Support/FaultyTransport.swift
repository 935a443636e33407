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

  func run(_ joins: [Join]) async throws {
    switch fault {
    case .order:
      try await sound.run(joins.map { $0.with(addends: $0.addends.reversed()) })
    case .missing:
      try await sound.run(joins.map { $0.with(destinations: $0.destinations.dropLast()) })
    case .bit, .stray:
      try await sound.run(joins)
      guard let join = joins.last, let place = join.destinations.last else { return }
      let element = place.operand.offset + (fault == .bit ? join.count / 2 : join.count)
      let size = join.elementType.byteCount
      let device = devices[place.rank]
      let access = try await device.beginAccess(
        place.operand.memory, at: element * size, byteCount: size, writing: true)
      access.withBytes { $0[0] ^= 1 }
      try device.endAccess(access)
    }
  }

  func run(_ moves: [Move]) async throws { try await sound.run(moves) }
  func barrier() async throws { try await sound.barrier() }
}

extension Join {
  fileprivate func with(addends: [RankOperand]? = nil, destinations: ArraySlice<RankOperand>? = nil) -> Join {
    Join(
      addends: addends ?? self.addends, tree: tree, destinations: destinations.map(Array.init) ?? self.destinations,
      rows: rows, count: count, addendStride: addendStride, destinationStride: destinationStride,
      elementType: elementType, operation: operation)
  }
}
