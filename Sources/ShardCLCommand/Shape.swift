// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The size of a product, m × n × k, as `--shape` and tables have it.
struct Shape: Hashable, Sendable {
  let m: Int
  let n: Int
  let k: Int
}

/// One argument of `--shape`: `512x2048x2048`, where each of the three may be a list or a range.
///
/// `1,512x4Kx4K` is two shapes, `256..4096*2x2048x2048` five. K and M are 1024 and 1048576.
struct ShapeList: ExpressibleByArgument, Hashable, Sendable {
  let shapes: [Shape]
  /// The most shapes of one argument.
  static let limit = 4096

  init?(argument: String) {
    let parts = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false).map(Self.sizes)
    guard parts.count == 3, let m = parts[0], let n = parts[1], let k = parts[2],
      m.count * n.count * k.count <= Self.limit
    else { return nil }
    shapes = m.flatMap { m in n.flatMap { n in k.map { Shape(m: m, n: n, k: $0) } } }
  }

  /// The sizes of a list such as `1,8,64..512*2`, nil where it is none.
  static func sizes(_ text: Substring) -> [Int]? {
    var sizes: [Int] = []
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let run = range(item) else { return nil }
      sizes += run
    }
    return sizes.count <= limit ? sizes : nil
  }

  /// `64..512*2` or `64..512+64` (both ends included), or one size.
  private static func range(_ text: Substring) -> [Int]? {
    let ends = text.split(separator: "..", omittingEmptySubsequences: false)
    guard ends.count == 2 else { return size(text).map { [$0] } }
    guard let symbol = ends[1].firstIndex(where: { $0 == "*" || $0 == "+" }), let first = size(ends[0]),
      let last = size(ends[1][..<symbol]), let step = size(ends[1][ends[1].index(after: symbol)...]), first >= 1,
      step >= (ends[1][symbol] == "*" ? 2 : 1), (last - first) / step < limit || ends[1][symbol] == "*"
    else { return nil }
    var sizes: [Int] = []
    var next = first
    while next <= last {
      sizes.append(next)
      next = ends[1][symbol] == "*" ? next * step : next + step
    }
    return sizes.isEmpty ? nil : sizes
  }

  /// A number with an optional suffix, at most 2³¹: what a kernel counts to.
  private static func size(_ text: Substring) -> Int? {
    let (digits, unit) =
      switch text.last {
      case "k": (text.dropLast(), 1 << 10)
      case "m": (text.dropLast(), 1 << 20)
      default: (text, 1)
      }
    guard let first = digits.first, first.isASCII, first.isNumber, let value = Int(digits), value <= 1 << 31 else {
      return nil
    }
    return value * unit <= 1 << 31 ? value * unit : nil
  }
}
