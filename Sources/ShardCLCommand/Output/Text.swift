// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers as people read them.
enum Text {
  /// `value` with so many significant digits, without an exponent for what fits in a table.
  static func number(_ value: Double, digits: Int = 3) -> String {
    // JSON has no infinity; its largest number stands for it.
    guard abs(value) < .greatestFiniteMagnitude else { return "inf" }
    guard value != 0 else { return "0" }
    let places = max(0, digits - 1 - Int(floor(log10(abs(value)))))
    return places > 6 || abs(value) >= 1e9
      ? String(format: "%.\(digits - 1)e", value) : String(format: "%.\(places)f", value)
  }

  /// Or a dash where there is no value.
  static func number(_ value: Double?, digits: Int = 3) -> String { value.map { number($0, digits: digits) } ?? "–" }

  /// Seconds as milliseconds.
  static func milliseconds(_ seconds: Double) -> String { number(seconds * 1e3) }

  /// Bytes as GiB or MiB.
  static func bytes(_ count: Int) -> String {
    let gibibytes = Double(count) / 0x1p30
    return gibibytes >= 1 ? "\(number(gibibytes)) GiB" : "\(number(Double(count) / 0x1p20)) MiB"
  }

  static func yesNo(_ value: Bool?) -> String { value.map { $0 ? "yes" : "NO" } ?? "–" }
}
