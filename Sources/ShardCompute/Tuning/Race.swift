// SPDX-License-Identifier: Apache-2.0

/// Times contestants in turns, so that a machine that slows down does so for all, and drops the slower half again and
/// again (successive halving, https://arxiv.org/abs/1502.07943).
struct Race<Contestant: Hashable> {
  /// One run of a contestant, in seconds.
  let seconds: (Contestant) async throws -> Double
  /// When to stop with what is known.
  let deadline: ContinuousClock.Instant

  /// Runs of each contestant before the slower half goes.
  private static var runs: Int { 3 }

  /// The fastest of `contestants`, the first that is not clearly slower.
  func winner(of contestants: [Contestant]) async throws -> Contestant {
    precondition(!contestants.isEmpty, "a race has contestants")
    var samples: [Contestant: Samples] = [:]
    var left = contestants
    while left.count > 1, ContinuousClock.now < deadline {
      for _ in 0..<Self.runs {
        for contestant in left { samples[contestant, default: Samples()].append(try await seconds(contestant)) }
      }
      let medians = left.map { ($0, samples[$0]?.median ?? .infinity) }.sorted { $0.1 < $1.1 }
      left = medians.prefix((left.count + 1) / 2).map(\.0)
    }
    return left[0]
  }

  /// Both contestants in turns, `rounds` times, or fewer from five on where the deadline passes.
  func duel(_ first: Contestant, _ second: Contestant, rounds: Int) async throws -> (first: Samples, second: Samples) {
    var (ours, theirs) = (Samples(), Samples())
    for round in 0..<rounds where round < 5 || ContinuousClock.now < deadline {
      // Who goes first changes, since the second finds the caches as the first left them.
      if round.isMultiple(of: 2) {
        ours.append(try await seconds(first))
        theirs.append(try await seconds(second))
      } else {
        theirs.append(try await seconds(second))
        ours.append(try await seconds(first))
      }
    }
    return (ours, theirs)
  }
}
