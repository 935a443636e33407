// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The definition of the order, written down once more: element by element, from the leaves up.
enum SerialSum {
  /// Joins addends, of which each is a complete subtree; subtrees that nobody brings are left out.
  static func join(_ addends: [(node: SumNode, values: [Float])], count: Int, _ operation: Reduction.Operation)
    -> [Float]
  {
    guard let end = addends.map(\.node.leaves.upperBound).max() else { return [Float](repeating: 0, count: count) }
    var level = 0
    while 1 << level < end { level += 1 }
    return value(SumNode(level: level, index: 0), addends, operation) ?? [Float](repeating: 0, count: count)
  }

  private static func value(
    _ node: SumNode, _ addends: [(node: SumNode, values: [Float])], _ operation: Reduction.Operation
  ) -> [Float]? {
    if let addend = addends.first(where: { $0.node == node }) { return addend.values }
    guard node.level > 0 else { return nil }
    let left = value(SumNode(level: node.level - 1, index: 2 * node.index), addends, operation)
    let right = value(SumNode(level: node.level - 1, index: 2 * node.index + 1), addends, operation)
    guard let left, let right else { return left ?? right }
    return zip(left, right).map { join($0, $1, operation) }
  }

  private static func join(_ a: Float, _ b: Float, _ operation: Reduction.Operation) -> Float {
    switch operation {
    case .sum: a + b
    case .max: Float.maximum(a, b)
    case .min: Float.minimum(a, b)
    }
  }
}
