// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// One line on standard error: a bar, the time that has passed and is left, and what is running. Only on a terminal.
final class Progress: Sendable {
  private let isShown: Bool
  private let isColoured: Bool
  private let start = ContinuousClock.now
  private let lastShown = Mutex<ContinuousClock.Instant?>(nil)

  init() {
    let environment = ProcessInfo.processInfo.environment
    isShown = isatty(STDERR_FILENO) != 0 && environment["TERM"] != "dumb"
    isColoured = environment["NO_COLOR", default: ""].isEmpty
  }

  /// Shows `done` of `total` and what comes next; at most ten times a second.
  func show(_ done: Int, of total: Int, _ what: String) {
    show(Double(done) / Double(max(1, total)), "\(min(done + 1, total))/\(total) \(what)")
  }

  /// Shows that `fraction` (0 to 1) is done, and what is running; at most ten times a second.
  func show(_ fraction: Double, _ what: String) {
    guard isShown else { return }
    let now = ContinuousClock.now
    let isDue = lastShown.withLock { last in
      guard last.map({ $0.duration(to: now) < .milliseconds(100) }) != true else { return false }
      last = now
      return true
    }
    guard isDue else { return }
    let (bar, text) = Self.line(fraction, seconds: start.duration(to: now).seconds, what)
    write("\r\u{1b}[K" + (isColoured ? "\u{1b}[1m\(bar)\u{1b}[0m" : bar) + text)
  }

  /// The bar, and the text beside it: `[#####               ]  25 %  0:10, 0:30 left  what`.
  static func line(_ fraction: Double, seconds: Double, _ what: String) -> (bar: String, text: String) {
    let fraction = fraction.isFinite ? min(1, max(0, fraction)) : 0
    let filled = Int(fraction * Double(width))
    let bar = "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled) + "]"
    // The first steps say little of the others.
    let left = fraction >= 0.02 && seconds >= 1 ? ", \(clock(seconds / fraction - seconds)) left" : ""
    return (bar, String(format: " %3d %%  ", Int(100 * fraction)) + "\(clock(seconds))\(left)  \(what.prefix(60))")
  }

  /// Takes the line away.
  func clear() {
    if isShown { write("\r\u{1b}[K") }
  }

  /// Characters of a full bar.
  private static let width = 20

  /// Seconds as `1:05` or `1:00:05`.
  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(max(0, seconds.rounded()), 1e9))
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, whole % 60) : String(format: "%d:%02d", minutes, whole % 60)
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
