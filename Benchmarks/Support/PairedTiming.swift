// SPDX-License-Identifier: Apache-2.0

/// Does a piece of work as often as it is told, and returns when all is done.
package typealias Run = (_ count: Int) async throws -> Void

/// Times things in turns, so that what the machine does meanwhile hits all alike.
package struct PairedTiming {
  /// Something that is timed in every round.
  package struct Entry {
    /// How long the first call took, which may have compiled; 0 where that is not known.
    let seconds: Double
    /// A peer may be so slow that it is only timed once.
    let isPeer: Bool
    let run: Run

    package init(seconds: Double = 0, isPeer: Bool = false, run: @escaping Run) {
      self.seconds = seconds
      self.isPeer = isPeer
      self.run = run
    }
  }

  private let seconds: Double

  /// A tenth of a second: threads that wake up together may share a core until the scheduler looks again some
  /// milliseconds later, and in a sample of this length that does not matter.
  private static let sampleSeconds = 0.1
  /// OpenBLAS's threads spin for some 30 ms after a product, which would count against who comes next.
  private static let pause = Duration.milliseconds(50)
  /// A call this long brings caches and clocks back by itself.
  private static let longCall = 0.3
  private static let minimumRounds = 5

  /// Rounds for `seconds`, and five at least.
  package init(seconds: Double) { self.seconds = seconds }

  /// Seconds of one call of each entry in each round; the first entry is never a peer. The order turns round by round,
  /// and short calls are repeated.
  package func samples(of entries: [Entry]) async throws -> [[Double]] {
    var estimates: [Double] = []
    for entry in entries {
      estimates.append(entry.seconds > 1 ? entry.seconds : try await measureSeconds { try await entry.run(1) })
    }
    var samples = [[Double]](repeating: [], count: entries.count)
    let end = ContinuousClock.now + .seconds(seconds)
    var round = 0
    repeat {
      for offset in entries.indices {
        let index = (offset + round) % entries.count
        let (entry, estimate) = (entries[index], estimates[index])
        if round > 0, entry.isPeer, estimate > max(1, seconds / 2), estimate > 3 * estimates[0] { continue }
        try await Task.sleep(for: Self.pause)
        if estimate < Self.longCall { try await entry.run(1) }
        let repeats = max(1, Int(Self.sampleSeconds / max(estimate, 1e-7)))
        samples[index].append(try await measureSeconds { try await entry.run(repeats) } / Double(repeats))
      }
      round += 1
    } while round < Self.minimumRounds || ContinuousClock.now < end
    return samples
  }
}

/// How long `body` takes.
package func measureSeconds(_ body: () async throws -> Void) async throws -> Double {
  try await ContinuousClock().measure(body) / .seconds(1)
}

/// The middle value, or the mean of the two middle ones; not a number if there are none.
package func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
