// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What several ranks give until a deadline.
///
/// Nothing can make a driver's wait return, so a rank that is late keeps its own task, suspended, and nobody else: no
/// thread is held by it but the device's `EventWaiter`.
final class Rendezvous<Value: Sendable>: Sendable {
  private struct State {
    var results: [Result<Value, any Error>?]
    var missing: Int
    var isClosed = false
    var continuation: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  private init(_ count: Int) {
    state = Mutex(State(results: Array(repeating: nil, count: count), missing: count))
  }

  /// Runs `body` for 0 ..< `count` at the same time; nil for those that were not done at `deadline`, whose value goes to
  /// `late` should there ever be one.
  static func run(
    _ count: Int, until deadline: ContinuousClock.Instant,
    late: @escaping @Sendable (Int, Value) -> Void = { _, _ in },
    _ body: @escaping @Sendable (Int) async throws -> Value
  ) async -> [Result<Value, any Error>?] {
    guard count > 0 else { return [] }
    let board = Rendezvous(count)
    let alarm = DeadlineClock.shared.add(deadline) { board.close() }
    for index in 0..<count {
      Task {
        let result: Result<Value, any Error>
        do { result = .success(try await body(index)) } catch { result = .failure(error) }
        if !board.put(result, at: index), case .success(let value) = result { late(index, value) }
      }
    }
    await withCheckedContinuation { continuation in
      let isOver = board.state.withLock { state in
        if state.missing > 0, !state.isClosed { state.continuation = continuation }
        return state.continuation == nil
      }
      if isOver { continuation.resume() }
    }
    DeadlineClock.shared.remove(alarm)
    return board.close()
  }

  /// False after the deadline.
  private func put(_ result: Result<Value, any Error>, at index: Int) -> Bool {
    let (isInTime, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
      guard !state.isClosed else { return (false, nil) }
      state.results[index] = result
      state.missing -= 1
      return (true, state.missing == 0 ? state.continuation.take() : nil)
    }
    continuation?.resume()
    return isInTime
  }

  /// Ends the wait, once.
  @discardableResult
  private func close() -> [Result<Value, any Error>?] {
    let (results, continuation) = state.withLock { state in
      state.isClosed = true
      return (state.results, state.continuation.take())
    }
    continuation?.resume()
    return results
  }
}
