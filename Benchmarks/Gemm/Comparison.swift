// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Times the peers and the FMA peak on one problem, in turns, so that what the machine does meanwhile hits all alike.
struct Comparison {
  let peers: [any Peer]
  let peak: FMAPeak?
  let seconds: Double

  /// Every peer's measured speed at `problem`; ratios are to the first peer.
  func rows(for problem: Problem) throws -> [Row] {
    var wrongRows: [Int] = []
    for peer in peers {
      try peer.prepare(problem)
      try peer.run()
      wrongRows.append(problem.wrongRows(of: try peer.result()))
    }
    let peerRuns = peers.map { peer in { try peer.run() } }
    let runs = peerRuns + (peak.map { peak in [{ try peak.run() }] } ?? [])
    let samples = try alternate(runs)
    let peakSamples = peak.map { peak in samples[peers.count].map { peak.flops / $0 / 1e9 } }
    return peers.indices.map { index in
      let times = samples[index]
      let gflops = times.map { problem.shape.flops / $0 / 1e9 }
      return Row(
        peer: peers[index].name, m: problem.shape.m, n: problem.shape.n, k: problem.shape.k, rounds: times.count,
        secondsMedian: median(times), secondsMin: times.min() ?? .nan, gflops: median(gflops),
        peakGflops: peakSamples.map(median),
        peakFraction: peakSamples.map { median(zip(gflops, $0).map { $0 / $1 }) },
        speedOverFirst: median(zip(samples[0], times).map { $0 / $1 }), wrongRows: wrongRows[index])
    }
  }

  /// Seconds of one call of each closure in each round. The order turns round by round, and short calls are repeated.
  private func alternate(_ runs: [() throws -> Void]) throws -> [[Double]] {
    // A sample of ten milliseconds is far above the clock's and the scheduler's grain.
    let repeats = try runs.map { run in max(1, Int(0.01 / max(try measureSeconds(run), 1e-7))) }
    var samples = [[Double]](repeating: [], count: runs.count)
    let end = ContinuousClock.now + .seconds(seconds)
    var round = 0
    repeat {
      for offset in runs.indices {
        let index = (offset + round) % runs.count
        // OpenBLAS's threads spin for some 30 ms after a product, which would count against who comes next; after the
        // pause, one call brings caches and clocks back, where a call is short enough for that to matter.
        Thread.sleep(forTimeInterval: 0.05)
        if repeats[index] > 1 { try runs[index]() }
        let time = try measureSeconds { for _ in 0..<repeats[index] { try runs[index]() } }
        samples[index].append(time / Double(repeats[index]))
      }
      round += 1
    } while round < 5 || ContinuousClock.now < end
    return samples
  }
}

func measureSeconds(_ body: () throws -> Void) rethrows -> Double {
  try ContinuousClock().measure(body) / .seconds(1)
}

/// The middle value, or the mean of the two middle ones; not a number if there are none.
func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
