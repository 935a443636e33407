// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The sizes of a product: A is m × k, B is n × k, C is m × n. Written `MxNxK`, or `N` for a square one.
struct Shape: Hashable, ExpressibleByArgument, CustomStringConvertible {
  let m: Int
  let n: Int
  let k: Int

  /// 2²⁰ keeps the sums exact and every count of elements far inside `Int`.
  private static let sizes = 1...(1 << 20)

  init?(argument: String) {
    let sizes = argument.split(separator: "x", omittingEmptySubsequences: false).compactMap { Int($0) }
    let count = argument.split(separator: "x", omittingEmptySubsequences: false).count
    guard sizes.count == count, count == 1 || count == 3, sizes.allSatisfy(Self.sizes.contains) else { return nil }
    (m, n, k) = (sizes[0], sizes[count == 1 ? 0 : 1], sizes[count == 1 ? 0 : 2])
  }

  var description: String { "\(m)x\(n)x\(k)" }

  /// Floating-point operations of the product, a multiplication and an addition counted as two.
  var flops: Double { 2 * Double(m) * Double(n) * Double(k) }
}
