// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// How long to measure.
public struct TimingBudget: Hashable, Sendable {
  /// Seconds for all repetitions of one problem, warm-up apart; at least `minimumRounds` are made whatever they take.
  public let seconds: Double
  /// Exactly this many repetitions; nil leaves it to `seconds`.
  public let rounds: Int?
  /// The fewest repetitions that make a median.
  public static let minimumRounds = 5

  /// A budget of seconds, or of repetitions.
  public init(seconds: Double, rounds: Int? = nil) {
    self.seconds = seconds
    self.rounds = rounds
  }
}

/// Runs things in turns, so that a machine that slows down or speeds up does so for all of them.
struct PairedTiming {
  /// Runs something to its end; the result, a rate or a time, is one sample.
  typealias Body = () async throws -> Double

  /// Samples of each body: first rounds that are thrown away, until two agree, then rounds until the budget is spent.
  static func samples(of bodies: [Body], _ budget: TimingBudget) async throws -> [Samples] {
    var previous: Double?
    let warmUp = ContinuousClock.now
    while true {
      let seconds = try await round(bodies, nil).seconds
      let isStable = previous.map { abs(seconds - $0) <= 0.1 * $0 } ?? false
      if isStable || warmUp.duration(to: .now).seconds > budget.seconds { break }
      previous = seconds
    }
    var samples = [Samples](repeating: Samples(), count: bodies.count)
    let start = ContinuousClock.now
    var rounds = 0
    while budget.rounds.map({ rounds < $0 })
      ?? (rounds < TimingBudget.minimumRounds || start.duration(to: .now).seconds < budget.seconds)
    {
      try Task.checkCancellation()
      try await round(bodies) { samples[$0].append($1) }
      rounds += 1
    }
    return samples
  }

  /// Seconds that `body` takes.
  static func seconds(of body: () async throws -> Void) async throws -> Double {
    let start = ContinuousClock.now
    try await body()
    return start.duration(to: .now).seconds
  }

  @discardableResult
  private static func round(
    _ bodies: [Body], _ record: ((_ index: Int, _ sample: Double) -> Void)?
  ) async throws -> Duration {
    try await ContinuousClock().measure {
      for (index, body) in bodies.enumerated() {
        let sample = try await body()
        record?(index, sample)
      }
    }
  }
}
