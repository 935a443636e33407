// SPDX-License-Identifier: Apache-2.0

/// The error of one rank, on its way from a transport to the communicator.
package struct RankError: Error {
  package let rank: Int
  package let error: any Error
}

extension RankError {
  /// That ranks were not done at the deadline of a wait; nil for no ranks.
  init?(late ranks: [Int], from start: ContinuousClock.Instant, to deadline: ContinuousClock.Instant) {
    guard let first = ranks.first else { return nil }
    self.init(rank: first, error: CollectiveError.deadline(start.duration(to: deadline), ranks: ranks))
  }
}

/// Runs `body` on behalf of a rank, whose number goes with the error.
func onRank<R>(_ rank: Int, _ body: () throws -> R) throws -> R {
  do { return try body() } catch let error as RankError { throw error } catch {
    throw RankError(rank: rank, error: error)
  }
}

/// Runs `body` on behalf of a rank, whose number goes with the error.
func onRank<R>(_ rank: Int, _ body: () async throws -> R) async throws -> R {
  do { return try await body() } catch let error as RankError { throw error } catch {
    throw RankError(rank: rank, error: error)
  }
}
