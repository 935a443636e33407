// SPDX-License-Identifier: Apache-2.0
@testable import ShardCollectives

/// A transport that does its work and then fails, as a rank whose last command is refused.
struct FailingTransport: Transport {
  struct Refusal: Error {}

  let sound: any Transport
  let rank: Int

  func run(_ joins: [Join], until deadline: ContinuousClock.Instant) async throws -> Milestones {
    _ = try await sound.run(joins, until: deadline)
    throw RankError(rank: rank, error: Refusal())
  }
  func run(_ moves: [Move], until deadline: ContinuousClock.Instant) async throws -> Milestones {
    _ = try await sound.run(moves, until: deadline)
    throw RankError(rank: rank, error: Refusal())
  }
  func barrier(until deadline: ContinuousClock.Instant) async throws -> Milestones {
    _ = try await sound.barrier(until: deadline)
    throw RankError(rank: rank, error: Refusal())
  }
}
