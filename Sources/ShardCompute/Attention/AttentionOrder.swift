// SPDX-License-Identifier: Apache-2.0

/// The one order in which attention adds up, which `Kernels/common/attention` defines: keys in chunks, counted from the
/// first key of a sequence, that join in the binary tree of their numbers.
package enum AttentionOrder {
  /// Keys of a chunk.
  package static let chunk = 128
  /// Heights of subtrees are below this: keys are counted in 31 bits.
  static let mostLevels = 25

  /// The chunks that have `keys`.
  static func chunks(of keys: Range<Int>) -> Range<Int> {
    keys.isEmpty ? 0..<0 : keys.lowerBound / chunk..<(keys.upperBound + chunk - 1) / chunk
  }

  /// A complete subtree of 2^`level` chunks: those from `index << level` on. Chunks that no query sees may be missing.
  package struct Node: Hashable, Sendable {
    /// The height of the subtree.
    package let level: Int
    /// Its place among those of its height.
    package let index: Int

    package init(level: Int, index: Int) {
      self.level = level
      self.index = index
    }

    /// The chunks of the complete subtree.
    package var chunks: Range<Int> { index << level..<(index + 1) << level }
    var parent: Node { Node(level: level + 1, index: index / 2) }
    var isRight: Bool { index & 1 == 1 }
    var leftSibling: Node { Node(level: level, index: index - 1) }
  }

  /// The largest subtrees, of at most 2^`level` chunks each, that make up `chunks`. What lies outside `seen`, which no
  /// query sees, may belong to a subtree too.
  package static func nodes(covering chunks: Range<Int>, seen: Range<Int>, level: Int) -> [Node] {
    let owned = chunks.clamped(to: seen)
    var nodes: [Node] = []
    var next = owned.lowerBound
    while next < owned.upperBound {
      var node = Node(level: 0, index: next)
      while node.level < level {
        let parent = node.parent.chunks
        // A parent may begin before or end behind what is here only where there is nothing to see.
        guard parent.lowerBound >= next || next == seen.lowerBound,
          parent.upperBound <= owned.upperBound || owned.upperBound == seen.upperBound
        else { break }
        node = node.parent
      }
      nodes.append(node)
      next = node.chunks.upperBound
    }
    return nodes
  }

  /// For each of `nodes`, ascending, how many joins of the last two follow it; and what is left: where `isWhole`, when
  /// nothing else is to come, one node. `first` is the first chunk that is seen at all.
  package static func joins(of nodes: [Node], first: Int, isWhole: Bool) -> (counts: [Int], left: [Node]) {
    var stack: [Node] = []
    var counts: [Int] = []
    for node in nodes {
      stack.append(node)
      var count = 0
      while let top = stack.last, top.isRight {
        if let left = stack.dropLast().last, left == top.leftSibling {
          stack.removeLast(2)
          count += 1
        } else if top.leftSibling.chunks.upperBound <= first {
          stack.removeLast()
        } else {
          break
        }
        stack.append(top.parent)
      }
      counts.append(count)
    }
    if isWhole, stack.count > 1, let last = counts.indices.last {
      counts[last] += stack.count - 1
      stack.removeLast(stack.count - 1)
    }
    return (counts, stack)
  }
}
