// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute

extension Communicator {
  /// What a wait may take after its deadline to see which queues are empty.
  private static let grace = Duration.milliseconds(250)

  /// The instant at which what begins now must be done.
  private var limit: ContinuousClock.Instant { .now + deadline }

  /// Runs one collective: records it, and turns a device's error into a failure of the communicator.
  func perform(
    _ operation: CollectiveOperation, counts: [Int], _ elementType: ElementType?,
    _ body: (ContinuousClock.Instant) async throws -> Milestones
  ) async throws {
    if let failure { throw CollectiveError.broken(by: failure.summary) }
    let limit = limit
    let sequence = recorder.begin(operation, counts: counts, elementType)
    do {
      recorder.submitted(sequence, try await body(limit))
    } catch let error as RankError {
      throw await fail(error, recorder.failed(sequence, rank: error.rank), until: limit)
    } catch {
      recorder.failed(sequence, rank: nil)
      throw error
    }
  }

  /// Suspends until everything enqueued on any rank is done.
  ///
  /// - Throws: `CollectiveFailure` where a command failed, or a rank is not done by the deadline.
  public func finish() async throws { try await finish(ranks: Array(devices.indices)) }

  /// Suspends until everything enqueued on `ranks` is done.
  ///
  /// - Throws: `CollectiveFailure`, as `finish()`.
  package func finish(ranks: [Int]) async throws {
    let limit = limit
    let results = await Rendezvous.run(ranks.count, until: limit) { [devices] in try await devices[ranks[$0]].finish() }
    let errors = zip(ranks, results).compactMap { rank, result -> RankError? in
      guard case .failure(let error) = result else { return nil }
      return RankError(rank: rank, error: error)
    }
    // A rank that waited for one that failed fails too, and is not the one to name.
    if let error = errors.first(where: { !$0.isConsequence }) ?? errors.first {
      throw await fail(error, recorder.oldestUnfinished, until: limit)
    }
    let late = zip(ranks, results).filter { $0.1 == nil }.map(\.0)
    guard let first = late.first else { return }
    let oldest = recorder.oldestUnfinished
    let culprit = oldest.flatMap { $0.absentRanks.first ?? $0.unfinishedRanks.first } ?? first
    throw await fail(
      RankError(rank: culprit, error: CollectiveError.deadline(deadline, ranks: late)), oldest, until: limit)
  }

  /// Marks the communicator broken, waits for what the ranks still do, and makes the error to throw.
  private func fail(
    _ error: RankError, _ entry: FlightRecorder.Entry?, until limit: ContinuousClock.Instant
  ) async -> CollectiveFailure {
    let device = devices[error.rank]
    var failure = CollectiveFailure(
      rank: error.rank, device: device.selector, deviceName: device.name, collective: entry, underlying: error.error,
      recent: recorder.last(CollectiveFailure.recentCount))
    brokenBy.withLock { $0 = $0 ?? failure }
    let drained = await Rendezvous.run(rankCount, until: max(limit, .now + Self.grace)) { [devices] in
      try await devices[$0].finish()
    }
    failure.undrainedRanks = drained.indices.filter { drained[$0] == nil }
    return failure
  }
}

extension RankError {
  /// Whether another command's failure is the cause.
  fileprivate var isConsequence: Bool { (error as? OpenCLError)?.status == .eventInWaitListFailed }
}
