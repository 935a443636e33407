// SPDX-License-Identifier: Apache-2.0

/// Products that share tuned parameters: one weight format, and sizes that are alike.
///
/// Each size is rounded up to a power of two, so a class reaches from over half its sizes to these: 512x2048x1024 holds
/// 257 to 512 rows. Below `smallest` and above `largest` sizes make no difference. k is that of the part of the weight
/// which is on the device.
package struct ShapeClass: Hashable, Sendable {
  /// How the weight is stored.
  package let format: WeightFormat
  /// The most rows of A and C.
  package let m: Int
  /// The most columns of C.
  package let n: Int
  /// The most terms of a sum.
  package let k: Int

  /// The lowest classes.
  static let smallest = (m: 1, n: 64, k: 64)
  /// The highest classes, which have no end.
  static let largest = (m: 4096, n: 65536, k: 65536)

  /// The class of products of `m` × `n` × `k`.
  package init(m: Int, n: Int, k: Int, format: WeightFormat) {
    self.format = format
    self.m = Self.rounded(m, Self.smallest.m, Self.largest.m)
    self.n = Self.rounded(n, Self.smallest.n, Self.largest.n)
    self.k = Self.rounded(k, Self.smallest.k, Self.largest.k)
  }

  /// The class of `product`.
  init(_ product: Product) { self.init(m: product.m, n: product.n, k: product.k, format: product.weight.format) }

  private static func rounded(_ size: Int, _ smallest: Int, _ largest: Int) -> Int {
    guard size < largest else { return largest }
    return size <= smallest ? smallest : 1 << (Int.bitWidth - (size - 1).leadingZeroBitCount)
  }
}

extension ShapeClass: CustomStringConvertible {
  /// The sizes as `--shape` takes them.
  package var description: String { "\(m)x\(n)x\(k)" }
}
