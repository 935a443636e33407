// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The sizes of a product: A is m × k, B is n × k, C is m × n. Written `MxNxK`, or `N` for a square one.
struct Shape: Hashable, Sendable, ExpressibleByArgument, CustomStringConvertible {
  let m: Int
  let n: Int
  let k: Int

  /// 2²⁰ keeps the sums exact and every count of elements far inside `Int`.
  private static let sizes = 1...(1 << 20)

  init(m: Int, n: Int, k: Int) { (self.m, self.n, self.k) = (m, n, k) }

  init?(argument: String) {
    let words = argument.split(separator: "x", omittingEmptySubsequences: false)
    let sizes = words.compactMap { Int($0) }
    guard sizes.count == words.count, words.count == 1 || words.count == 3, sizes.allSatisfy(Self.sizes.contains) else {
      return nil
    }
    (m, n, k) = (sizes[0], sizes[words.count == 1 ? 0 : 1], sizes[words.count == 1 ? 0 : 2])
  }

  var description: String { "\(m)x\(n)x\(k)" }

  /// Floating-point operations of the product, a multiplication and an addition counted as two.
  var flops: Double { 2 * Double(m) * Double(n) * Double(k) }
}
