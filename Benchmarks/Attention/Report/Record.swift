// SPDX-License-Identifier: Apache-2.0

/// One line of JSON: a row with the settings it was measured under. Seconds and rates are plain numbers; a null was not
/// measured.
struct Record: Encodable {
  private let schema = "shardcl.bench.attention-peers/1"
  private let device: String
  private let deviceName: String
  private let driver: String
  private let poclThreadsPinned: Bool
  private let secondsAsked: Double
  private let work: String
  private let rounds: Int
  private let secondsMedian: Double
  private let secondsMin: Double
  /// Of the two one, by what the work does.
  private let gflops: Double?
  private let bytesPerSecond: Double?
  private let maxErrorOverBound: Double
  private let verified: Bool
  private let peerName: String
  private let peer: Peer?
  private let target: Double
  private let met: Bool?

  private struct Peer: Encodable {
    let details: String
    let rounds: Int
    /// For as much work as ShardCL's.
    let secondsMedian: Double
    /// How many times as fast ShardCL is.
    let ratio: Double
    let maxErrorOverBound: Double
  }

  init(_ row: Row, _ settings: Settings) {
    device = settings.opened.device.selector
    deviceName = settings.opened.device.name
    driver = settings.opened.driver
    poclThreadsPinned = settings.opened.areThreadsPinned
    secondsAsked = settings.seconds
    work = row.work.name
    rounds = row.rounds
    secondsMedian = row.secondsMedian
    secondsMin = row.secondsMinimum
    (gflops, bytesPerSecond) =
      switch row.amount {
      case .operations: (row.rate * 1e-9, nil)
      case .bytes: (nil, row.rate)
      }
    maxErrorOverBound = Self.finite(row.errorOverBound)
    verified = row.isRight
    peerName = row.work.peer.rawValue
    peer = row.peer.map { [work = row.work] in
      Peer(
        details: work.peer == .torch ? [settings.torch, $0.details].joined(separator: ", ") : $0.details,
        rounds: $0.rounds, secondsMedian: $0.secondsMedian, ratio: $0.ratio,
        maxErrorOverBound: Self.finite($0.errorOverBound))
    }
    target = row.work.target
    met = row.isMet
  }

  /// JSON has no infinity.
  private static func finite(_ value: Double) -> Double { min(value, .greatestFiniteMagnitude) }
}
