// SPDX-License-Identifier: Apache-2.0
import COpenCL
import Foundation
import Synchronization

/// The one place that blocks on OpenCL: a thread that waits for events and resumes the tasks that asked.
///
/// `clWaitForEvents` blocks its caller on every driver, and spins on some, so it must not run on Swift's cooperative
/// pool. One waiter serves one in-order queue: its events end in the order in which they were enqueued.
public final class EventWaiter: Sendable {
  private let state = State()

  /// Starts the thread.
  public init(name: String) {
    let thread = Thread { [state] in state.run() }
    thread.name = name
    thread.start()
  }

  deinit { state.stop() }

  /// Suspends until `event` is done, even if the task is cancelled meanwhile; flush its queue first.
  ///
  /// - Throws: the status with which the command ended, where it failed.
  public func wait(for event: Event) async throws {
    try await withCheckedThrowingContinuation { continuation in
      state.add(Request(event: event) { continuation.resume(with: $0) })
    }
  }

  /// Keeps `object` alive until `event` is done, also when nobody has the waiter any more; flush its queue first.
  public func keep(_ object: some AnyObject & Sendable, until event: Event) {
    state.add(Request(event: event) { _ in withExtendedLifetime(object) {} })
  }

  private struct Request: Sendable {
    let event: Event
    let finish: @Sendable (Result<Void, any Error>) -> Void
  }

  /// What the thread shares with its owner; a class of its own so that the thread does not keep the waiter alive.
  private final class State: Sendable {
    private let requests = Mutex<(queue: [Request], stopped: Bool)>(([], false))
    private let available = DispatchSemaphore(value: 0)

    func add(_ request: Request) {
      requests.withLock { $0.queue.append(request) }
      available.signal()
    }

    func stop() {
      requests.withLock { $0.stopped = true }
      available.signal()
    }

    func run() {
      while true {
        available.wait()
        let (batch, stopped) = requests.withLock { state in
          let batch = state.queue
          state.queue = []
          return (batch, state.stopped)
        }
        for request in batch { request.finish(Result { try request.event.waitBlocking() }) }
        if stopped { return }
      }
    }
  }
}
