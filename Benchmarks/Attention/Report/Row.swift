// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// What was measured of one work: medians over rounds; the ratio is the median of those of each round.
struct Row {
  let work: Work
  let amount: Contest.Amount
  let rounds: Int
  let secondsMedian: Double
  let secondsMinimum: Double
  /// Operations or bytes per second.
  let rate: Double
  let errorOverBound: Double
  /// Nil where there is no PyTorch.
  let peer: Peer?

  struct Peer {
    let details: String
    let rounds: Int
    /// For as much work as ShardCL's.
    let secondsMedian: Double
    /// How many times as fast ShardCL is.
    let ratio: Double
    let errorOverBound: Double
  }

  init(_ work: Work, _ contest: Contest, samples: [[Double]]) {
    let own = samples[0]
    self.work = work
    amount = contest.amount
    rounds = own.count
    secondsMedian = median(own)
    secondsMinimum = own.min() ?? .nan
    rate = contest.amount.value / secondsMedian
    errorOverBound = contest.errorOverBound
    peer = contest.peer.map { peer in
      let times = samples[1].map { $0 * peer.calls }
      return Peer(
        details: peer.details, rounds: times.count, secondsMedian: median(times),
        ratio: median(zip(times, own).map { $0 / $1 }), errorOverBound: peer.errorOverBound)
    }
  }

  /// Whether the target is reached; nil where there is no peer.
  var isMet: Bool? { peer.map { $0.ratio >= work.target } }

  /// Whether both results are.
  var isRight: Bool { errorOverBound <= 1 && (peer?.errorOverBound ?? 0) <= 1 }
}

extension Contest.Amount {
  var value: Double {
    switch self {
    case .operations(let count), .bytes(let count): count
    }
  }

  /// A rate as the table has it.
  func text(rate: Double) -> String {
    switch self {
    case .operations: (rate * 1e-9).digits(1) + " GFLOPS"
    case .bytes: (rate * 1e-9).digits(2) + " GB/s"
    }
  }
}
