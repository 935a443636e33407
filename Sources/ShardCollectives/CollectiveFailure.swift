// SPDX-License-Identifier: Apache-2.0

/// A device that failed, ran out of memory or was not done in time while ranks worked together.
///
/// The communicator is broken afterwards: a new one over the devices that are left goes on. Outputs of the collective
/// are undefined; operands that are no outputs are as they were.
public struct CollectiveFailure: Error, Sendable {
  /// The rank at fault.
  public let rank: Int
  /// The selector of its device.
  public let device: String
  /// The driver's name of its device.
  public let deviceName: String
  /// The collective that failed; where the failure showed in a wait, the oldest that is not done, and nil where all are.
  public let collective: FlightRecorder.Entry?
  /// What the device threw, or `CollectiveError.deadline`.
  public let underlying: any Error
  /// The last collectives of the communicator, oldest first.
  public let recent: [FlightRecorder.Entry]
  /// Ranks whose queues were not empty when this was thrown; their devices may be hung, or wait for one that is.
  public internal(set) var undrainedRanks: [Int] = []

  /// Collectives that go with the error.
  static let recentCount = 8

  /// The operation that failed.
  public var operation: CollectiveOperation? { collective?.operation }
  /// Its number in the communicator.
  public var sequence: Int? { collective?.sequence }
  /// Bytes of the rank's elements in it.
  public var byteCount: Int { collective?.byteCount(rank: rank) ?? 0 }
}

extension CollectiveFailure: CustomStringConvertible {
  /// What happened where, in one line.
  public var summary: String {
    let place = "rank \(rank), \(device) (\(deviceName))"
    guard let collective else { return "\(place), after every collective was done: \(underlying)" }
    return "\(place), \(collective.operation.rawValue) #\(collective.sequence) of \(byteCount) bytes: \(underlying)"
  }

  /// The summary, then the last collectives, one a line.
  public var description: String {
    let rest = undrainedRanks.isEmpty ? [] : ["not drained: \(RankList(undrainedRanks))"]
    return ([summary] + rest + recent.map { "  \($0)" }).joined(separator: "\n")
  }
}
