// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCompute

/// What was measured of one work: medians over rounds; shares and ratios are medians of those of each round.
struct Row {
  let work: Work
  /// Bytes of the weight as it is stored.
  let weightByteCount: Double
  /// Floating-point operations for each byte that has to move: weight, A and C, once.
  let intensity: Double
  let rounds: Int
  let secondsMedian: Double
  let secondsMinimum: Double
  let gflops: Double
  let peakGflops: Double
  let peakShare: Double
  let weightBytesPerSecond: Double
  let readBytesPerSecond: Double
  /// Of the read bandwidth, in bytes of the weight; above 1 where a cache holds the weight.
  let readShare: Double
  let isExact: Bool
  let peers: [Peer]

  /// A library at the same work.
  struct Peer {
    let name: PeerName
    /// Fewer than the work's where one call takes seconds.
    let rounds: Int
    let secondsMedian: Double
    let gflops: Double
    /// How many times as fast as the peer ShardCL is.
    let ratio: Double
    let isExact: Bool

    init(_ name: PeerName, flops: Double, times: [Double], own: [Double], isExact: Bool) {
      self.name = name
      rounds = times.count
      secondsMedian = median(times)
      gflops = flops / median(times) / 1e9
      ratio = median(zip(times, own).map { $0 / $1 })
      self.isExact = isExact
    }
  }

  init(
    _ work: Work, bytes: (weight: Double, all: Double), times: [Double], peers: [Peer], flopsPerSecond: [Double],
    readBytesPerSecond: [Double], isExact: Bool
  ) {
    let flops = work.shape.flops
    self.work = work
    weightByteCount = bytes.weight
    intensity = flops / bytes.all
    rounds = times.count
    secondsMedian = median(times)
    secondsMinimum = times.min() ?? .nan
    gflops = flops / secondsMedian / 1e9
    peakGflops = median(flopsPerSecond) / 1e9
    peakShare = median(zip(times, flopsPerSecond).map { flops / $0 / $1 })
    weightBytesPerSecond = bytes.weight / secondsMedian
    self.readBytesPerSecond = median(readBytesPerSecond)
    readShare = median(zip(times, readBytesPerSecond).map { bytes.weight / $0 / $1 })
    self.isExact = isExact
    self.peers = peers
  }

  /// How far it is, in the unit of `target`, and whether that is far enough; nil where the peer did not take part.
  func score(_ target: Work.Target) -> (reached: Double, isMet: Bool)? {
    switch target {
    case .shareOfReadBandwidth(let share): (readShare, readShare >= share)
    case .shareOfPeak(let share): (peakShare, peakShare >= share)
    case .timesAsFast(let factor, let name):
      peers.first { $0.name == name }.map { ($0.ratio, $0.ratio >= factor) }
    }
  }

  /// How each target ended, those left out against a peer that did not take part.
  var scores: [(target: Work.Target, isMet: Bool)] {
    work.targets.compactMap { target in score(target).map { (target, $0.isMet) } }
  }
}
