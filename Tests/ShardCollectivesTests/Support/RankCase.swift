// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute
import TestSupport

/// The ranks and the transport of a test.
struct RankCase: Hashable, Sendable, CustomStringConvertible {
  let kind: TestDevices.Kind
  let count: Int
  let transport: TransportKind

  var description: String { "\(count) ranks, \(kind), \(transport)" }

  /// Every kind of rank with every transport that it can use, 1 to 8 ranks.
  static let all: [RankCase] = TestDevices.kinds.flatMap { kind in
    (kind == .context ? [.context, .hostStaged] : [TransportKind.hostStaged]).flatMap { transport in
      (1...8).map { RankCase(kind: kind, count: $0, transport: transport) }
    }
  }

  /// The same for one number of ranks.
  static func ranks(_ count: Int) -> [RankCase] {
    all.filter { $0.count == 1 }.map { RankCase(kind: $0.kind, count: count, transport: $0.transport) }
  }

  func communicator() throws -> Communicator {
    try Communicator(devices: TestDevices.ranks(count, kind), transport: transport)
  }
}

/// Lengths that have reasons: nothing, one, odd, primes, and over what one rank of a context joins alone (256 KB).
enum Lengths {
  static let short = [0, 1, 3, 257, 1009]
  static let long = 70_001
  /// After how many elements long vectors may repeat themselves.
  static let period = 1009
}
