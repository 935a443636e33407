// SPDX-License-Identifier: Apache-2.0

/// One line of JSON: a row with the settings it was measured under. Seconds and bytes are plain numbers; a field that is
/// not there was not measured.
struct Record: Encodable {
  private let schema = "shardcl.bench.collective-peers/1"
  private let devices: [String]
  private let deviceName: String
  private let driver: String
  private let poclThreadsPinned: Bool
  private let transport: String
  private let secondsAsked: Double
  private let work: String
  private let bytes: Int
  private let rounds: Int
  private let secondsMedian: Double
  private let secondsMin: Double
  private let aloneSecondsMedian: Double
  private let bytesPerSecond: Double
  private let bytesMoved: Int
  private let copySecondsMedian: Double
  private let copyFraction: Double
  private let wrong: Int
  private let verified: Bool
  private let peerName = "openmpi"
  private let peer: Peer?
  private let targetPeerRatio: Double?
  private let targetCopyFraction: Double?
  private let targetSeconds: Double?
  private let met: Bool?

  private struct Peer: Encodable {
    let details: String
    let secondsMedian: Double
    /// How many times its bandwidth ShardCL has.
    let ratio: Double
    let wrong: Int
  }

  init(_ row: Row, _ settings: Settings) {
    devices = settings.mesh.ranks.map(\.device.selector)
    deviceName = settings.mesh.ranks[0].device.name
    driver = settings.driver
    poclThreadsPinned = settings.areThreadsPinned
    transport = settings.transport
    secondsAsked = settings.seconds
    work = row.work.name
    bytes = row.work.byteCount
    rounds = row.rounds
    secondsMedian = row.secondsMedian
    secondsMin = row.secondsMinimum
    aloneSecondsMedian = row.aloneMedian
    bytesPerSecond = row.bytesPerSecond
    bytesMoved = row.movedByteCount
    copySecondsMedian = row.copyMedian
    copyFraction = row.copyShare
    wrong = row.wrong
    verified = row.isRight
    peer = row.peer.map {
      Peer(details: settings.peer, secondsMedian: $0.secondsMedian, ratio: $0.ratio, wrong: $0.wrong)
    }
    var targets: (peer: Double?, copy: Double?, seconds: Double?)
    for target in row.work.targets {
      switch target {
      case .ofPeer(let ratio): targets.peer = ratio
      case .ofCopy(let share): targets.copy = share
      case .chainSeconds(let seconds): targets.seconds = seconds
      }
    }
    (targetPeerRatio, targetCopyFraction, targetSeconds) = (targets.peer, targets.copy, targets.seconds)
    met = row.isMet
  }
}
