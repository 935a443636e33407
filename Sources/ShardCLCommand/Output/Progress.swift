// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// One line on standard error that says what is running; only on a terminal.
final class Progress: Sendable {
  private let isShown: Bool
  private let isColoured: Bool
  private let lastShown = Mutex<ContinuousClock.Instant?>(nil)

  init() {
    let environment = ProcessInfo.processInfo.environment
    isShown = isatty(STDERR_FILENO) != 0 && environment["TERM"] != "dumb"
    isColoured = environment["NO_COLOR", default: ""].isEmpty
  }

  /// Shows `done` of `total` and what comes next; at most ten times a second.
  func show(_ done: Int, of total: Int, _ what: String) {
    guard isShown else { return }
    let now = ContinuousClock.now
    let isDue = lastShown.withLock { last in
      guard last.map({ $0.duration(to: now) < .milliseconds(100) }) != true else { return false }
      last = now
      return true
    }
    guard isDue else { return }
    let count = isColoured ? "\u{1b}[1m\(done + 1)/\(total)\u{1b}[0m" : "\(done + 1)/\(total)"
    write("\r\u{1b}[K\(count) \(what.prefix(60))")
  }

  /// Takes the line away.
  func clear() {
    if isShown { write("\r\u{1b}[K") }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
