// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// What was measured of one work: medians over rounds; a ratio is the median of those of each round.
struct Row {
  let work: Work
  let ranks: Int
  let rounds: Int
  /// Of one in a chain that is enqueued back to back.
  let secondsMedian: Double
  let secondsMinimum: Double
  /// Of one that is waited for.
  let aloneMedian: Double
  let copyMedian: Double
  /// The share of what the bytes that must move take to copy.
  let copyShare: Double
  let wrong: Int
  /// Nil where there is no Open MPI.
  let peer: Peer?

  struct Peer {
    let secondsMedian: Double
    /// How many times its bandwidth ShardCL has.
    let ratio: Double
    let wrong: Int
  }

  /// - Parameter samples: of a chain, of single calls, of copies, and of the peer.
  init(_ work: Work, ranks: Int, samples: [[Double]], wrong: Int, peerWrong: Int?) {
    let own = samples[0]
    self.work = work
    self.ranks = ranks
    rounds = own.count
    secondsMedian = median(own)
    secondsMinimum = own.min() ?? .nan
    aloneMedian = median(samples[1])
    copyMedian = median(samples[2])
    copyShare = median(zip(samples[2], own).map { $0 / $1 })
    self.wrong = wrong
    peer = peerWrong.map {
      Peer(
        secondsMedian: median(samples[3]), ratio: median(zip(samples[3], own).map { $0 / $1 }), wrong: $0)
    }
  }

  /// Bytes that must move at least: each rank's input is read, and its output written.
  var movedByteCount: Int { 2 * ranks * work.byteCount }
  /// Bytes of an operand per second.
  var bytesPerSecond: Double { Double(work.byteCount) / secondsMedian }

  /// Whether all targets are reached; nil where one has nothing to be compared with.
  var isMet: Bool? {
    var met: Bool? = work.targets.isEmpty ? nil : true
    for target in work.targets {
      switch target {
      case .ofPeer(let ratio):
        guard let peer else { return nil }
        met = met.map { $0 && peer.ratio >= ratio }
      case .ofCopy(let share): met = met.map { $0 && copyShare >= share }
      case .chainSeconds(let limit): met = met.map { $0 && secondsMedian <= limit }
      }
    }
    return met
  }

  /// Whether both results are.
  var isRight: Bool { wrong == 0 && (peer?.wrong ?? 0) == 0 }
}
