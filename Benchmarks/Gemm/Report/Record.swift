// SPDX-License-Identifier: Apache-2.0

/// One line of JSON: a row with the settings it was measured under. Seconds, bytes and bytes per second are plain numbers.
struct Record: Encodable {
  private let schema = "shardcl.bench.products/1"
  private let device: String
  private let deviceName: String
  private let driver: String
  private let poclThreadsPinned: Bool
  private let secondsAsked: Double
  private let work: String
  private let format: String
  private let m: Int
  private let n: Int
  private let k: Int
  private let rounds: Int
  private let secondsMedian: Double
  private let secondsMin: Double
  private let gflops: Double
  private let peakGflops: Double
  private let peakFraction: Double
  private let weightBytes: Double
  private let weightBytesPerSecond: Double
  private let readBytesPerSecond: Double
  private let readFraction: Double
  private let flopsPerByte: Double
  private let exact: Bool
  private let peers: [Peer]
  private let targets: [Target]

  private struct Peer: Encodable {
    let name: String
    let details: String
    let rounds: Int
    let secondsMedian: Double
    let gflops: Double
    /// How many times as fast as the peer ShardCL is.
    let ratio: Double
    let exact: Bool
  }

  private struct Target: Encodable {
    /// `ratio`, `peak_fraction` or `read_fraction`.
    let of: String
    let peer: String?
    let aim: Double
    let reached: Double?
    let met: Bool?
  }

  init(_ row: Row, _ settings: Settings) {
    device = settings.opened.device.selector
    deviceName = settings.opened.device.name
    driver = settings.opened.driver
    poclThreadsPinned = settings.opened.areThreadsPinned
    secondsAsked = settings.seconds
    work = row.work.name
    format = row.work.format.rawValue
    (m, n, k) = (row.work.shape.m, row.work.shape.n, row.work.shape.k)
    rounds = row.rounds
    secondsMedian = row.secondsMedian
    secondsMin = row.secondsMinimum
    gflops = row.gflops
    peakGflops = row.peakGflops
    peakFraction = row.peakShare
    weightBytes = row.weightByteCount
    weightBytesPerSecond = row.weightBytesPerSecond
    readBytesPerSecond = row.readBytesPerSecond
    readFraction = row.readShare
    flopsPerByte = row.intensity
    exact = row.isExact
    peers = row.peers.map { peer in
      Peer(
        name: peer.name.rawValue, details: settings.peers.first { $0.name == peer.name }?.details ?? "",
        rounds: peer.rounds, secondsMedian: peer.secondsMedian, gflops: peer.gflops, ratio: peer.ratio,
        exact: peer.isExact)
    }
    targets = row.work.targets.map { target in
      let score = row.score(target)
      return switch target {
      case .timesAsFast(let factor, let peer):
        Target(of: "ratio", peer: peer.rawValue, aim: factor, reached: score?.reached, met: score?.isMet)
      case .shareOfPeak(let share):
        Target(of: "peak_fraction", peer: nil, aim: share, reached: score?.reached, met: score?.isMet)
      case .shareOfReadBandwidth(let share):
        Target(of: "read_fraction", peer: nil, aim: share, reached: score?.reached, met: score?.isMet)
      }
    }
  }
}
