// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// A number of bytes such as `512`, `1K`, `64M` or `2G`, in powers of 1024.
struct ByteSize: ExpressibleByArgument, Hashable, Sendable {
  let value: Int

  init(value: Int) { self.value = value }

  init?(argument: String) {
    let shift =
      switch argument.last {
      case "k", "K": 10
      case "m", "M": 20
      case "g", "G": 30
      default: 0
      }
    let digits = shift == 0 ? argument[...] : argument.dropLast()
    guard let first = digits.first, first.isASCII, first.isNumber, let number = Int(digits) else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
    guard !overflow else { return nil }
    self.value = value
  }

  /// What help shows of a default.
  var defaultValueDescription: String {
    for (shift, suffix) in [(30, "G"), (20, "M"), (10, "K")] where value > 0 && value % (1 << shift) == 0 {
      return "\(value >> shift)\(suffix)"
    }
    return "\(value)"
  }

  /// `begin`, and what `factor` (2 or more) makes of it again and again, up to `end`.
  static func steps(from begin: ByteSize, to end: ByteSize, factor: Int) -> [Int] {
    var sizes: [Int] = []
    var (next, overflow) = (begin.value, false)
    while !overflow, next <= end.value {
      sizes.append(next)
      guard next > 0, factor > 1 else { break }
      (next, overflow) = next.multipliedReportingOverflow(by: factor)
    }
    return sizes
  }
}
