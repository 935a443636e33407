// SPDX-License-Identifier: Apache-2.0
import CShardHost

/// The order in which a row is summed, and the library's functions: what layers are defined by.
enum RowDefinition {
  /// 128 chains, element i in chain i % 128, which join in halves. `add` adds element i to its chain.
  static func sum(_ count: Int, _ add: (inout Float, Int) -> Void) -> Float {
    var chains = [Float](repeating: 0, count: 128)
    for i in 0..<count { add(&chains[i % 128], i) }
    for width in [64, 32, 16, 8, 4, 2, 1] { for i in 0..<width { chains[i] = chains[i] + chains[i + width] } }
    return chains[0]
  }

  /// A function of `common/functions`.
  static func apply(_ function: shard_host_function, _ x: Float) -> Float {
    var result: Float = 0
    withUnsafePointer(to: x) { shard_host_apply(function, $0, &result, 1) }
    return result
  }

  /// 1 / d as kernels make it, for normal d that are not near the ends of the range.
  static func reciprocal(_ d: Float) -> Float {
    var result: Float = 0
    withUnsafePointer(to: d) { shard_host_divide([1], $0, &result, 1) }
    return result
  }

  /// x · scale, or with a cap cap · tanh(x · (scale / cap)).
  static func capped(_ x: Float, scale: Float, softCap: Float?) -> Float {
    guard let softCap else { return x * scale }
    return softCap * apply(.tanh, x * Float(Double(scale) / Double(softCap)))
  }
}

/// The positions at which bits differ; NaNs are equal.
func differences(_ found: [Float], _ expected: [Float]) -> [Int] {
  guard found.count == expected.count else { return [-1] }
  return found.indices.filter {
    found[$0].bitPattern != expected[$0].bitPattern && !(found[$0].isNaN && expected[$0].isNaN)
  }
}
