// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Synchronization

/// Calls closures at instants, unless they are taken back before.
///
/// Most waits end long before their deadline. Here they leave nothing behind, where a sleeping task would leave a timer
/// for the whole minute.
final class DeadlineClock: Sendable {
  static let shared = DeadlineClock()

  private struct State {
    var alarms: [Int: (instant: ContinuousClock.Instant, ring: @Sendable () -> Void)] = [:]
    var next = 0
    /// The earliest call of `ring` that is on its way.
    var armed: ContinuousClock.Instant?
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "shardcl.deadlines", qos: .userInitiated)

  /// Calls `ring` at `instant`; returns what takes it back.
  func add(_ instant: ContinuousClock.Instant, _ ring: @escaping @Sendable () -> Void) -> Int {
    state.withLock { state in
      state.next += 1
      state.alarms[state.next] = (instant, ring)
      arm(&state, instant)
      return state.next
    }
  }

  /// Takes an alarm back, rung or not.
  func remove(_ alarm: Int) { state.withLock { _ = $0.alarms.removeValue(forKey: alarm) } }

  private func arm(_ state: inout State, _ instant: ContinuousClock.Instant) {
    if let armed = state.armed, armed <= instant { return }
    state.armed = instant
    let seconds = max(0, ContinuousClock.now.duration(to: instant) / .seconds(1))
    queue.asyncAfter(deadline: .now() + seconds) { [self] in ring() }
  }

  private func ring() {
    let now = ContinuousClock.now
    let due = state.withLock { state in
      let due = state.alarms.filter { $0.value.instant <= now }
      for key in due.keys { state.alarms[key] = nil }
      // Calls that were armed for later and overtaken find nothing to do.
      state.armed = nil
      if let first = state.alarms.values.map(\.instant).min() { arm(&state, first) }
      return due.values.map(\.ring)
    }
    for ring in due { ring() }
  }
}
