// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// Times the peers and the FMA peak on one problem, in turns, so that what the machine does meanwhile hits all alike.
struct Comparison {
  let peers: [any Peer]
  /// Whose FMA rate the peak is.
  let device: any ComputeDevice
  let seconds: Double

  /// Every peer's measured speed at `problem`; ratios are to the first peer.
  func rows(for problem: Problem) async throws -> [Row] {
    var wrongRows: [Int] = []
    for peer in peers {
      try await peer.prepare(problem)
      try await peer.run(1)
      wrongRows.append(problem.wrongRows(of: try await peer.result()))
    }
    let steps = 1 << 18
    let peakFlops = try device.enqueueFMALoop(steps: steps)
    let peak: Run = { [device] count in
      for _ in 0..<count { _ = try device.enqueueFMALoop(steps: steps) }
      try await device.finish()
    }
    let samples = try await alternate(peers.map { peer in { try await peer.run($0) } } + [peak])
    let peakSamples = samples[peers.count].map { peakFlops / $0 / 1e9 }
    return peers.indices.map { index in
      let times = samples[index]
      let gflops = times.map { problem.shape.flops / $0 / 1e9 }
      return Row(
        peer: peers[index].name, m: problem.shape.m, n: problem.shape.n, k: problem.shape.k, rounds: times.count,
        secondsMedian: median(times), secondsMin: times.min() ?? .nan, gflops: median(gflops),
        peakGflops: median(peakSamples), peakFraction: median(zip(gflops, peakSamples).map { $0 / $1 }),
        speedOverFirst: median(zip(samples[0], times).map { $0 / $1 }), wrongRows: wrongRows[index])
    }
  }

  /// Seconds of one call of each closure in each round. The order turns round by round, and short calls are repeated.
  private func alternate(_ runs: [Run]) async throws -> [[Double]] {
    // Threads that wake up together may share a core until the scheduler looks again some milliseconds later; a sample
    // of a tenth of a second is long enough for that not to matter.
    var repeats: [Int] = []
    for run in runs { repeats.append(max(1, Int(0.1 / max(try await measureSeconds { try await run(1) }, 1e-7)))) }
    var samples = [[Double]](repeating: [], count: runs.count)
    let end = ContinuousClock.now + .seconds(seconds)
    var round = 0
    repeat {
      for offset in runs.indices {
        let index = (offset + round) % runs.count
        // OpenBLAS's threads spin for some 30 ms after a product, which would count against who comes next; after the
        // pause, one call brings caches and clocks back.
        try await Task.sleep(for: .milliseconds(50))
        try await runs[index](1)
        let time = try await measureSeconds { try await runs[index](repeats[index]) }
        samples[index].append(time / Double(repeats[index]))
      }
      round += 1
    } while round < 5 || ContinuousClock.now < end
    return samples
  }
}

/// Does a piece of work as often as it is told, and returns when all is done.
typealias Run = (_ count: Int) async throws -> Void

func measureSeconds(_ body: () async throws -> Void) async throws -> Double {
  try await ContinuousClock().measure(body) / .seconds(1)
}

/// The middle value, or the mean of the two middle ones; not a number if there are none.
func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
