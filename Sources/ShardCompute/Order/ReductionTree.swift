// SPDX-License-Identifier: Apache-2.0

/// The order in which addends are joined: `join(left, right)` in a fixed binary tree.
public indirect enum ReductionTree: Hashable, Sendable {
  /// The addend at a position in the list.
  case addend(Int)
  /// The left operand comes first.
  case join(ReductionTree, ReductionTree)

  /// The tree that completes the sum of `nodes`, which are in ascending order and do not overlap.
  ///
  /// Siblings join as the carries of a binary counter do. What is left, where the nodes are not a whole tree (three
  /// ranks, each a leaf), joins from the right. Nil for no nodes.
  public init?(nodes: [SumNode]) {
    var stack: [(node: SumNode, tree: ReductionTree)] = []
    for (position, node) in nodes.enumerated() {
      stack.append((node, .addend(position)))
      while stack.count >= 2 {
        let (left, right) = (stack[stack.count - 2], stack[stack.count - 1])
        guard left.node.level == right.node.level, left.node.index & 1 == 0, right.node.index == left.node.index + 1
        else { break }
        stack.removeLast(2)
        stack.append(
          (SumNode(level: left.node.level + 1, index: left.node.index >> 1), .join(left.tree, right.tree)))
      }
    }
    guard var tree = stack.popLast()?.tree else { return nil }
    while let left = stack.popLast() { tree = .join(left.tree, tree) }
    self = tree
  }

  /// The tree over `count` addends that are leaves 0 ..< count; nil for none.
  public init?(count: Int) { self.init(nodes: (0..<count).map(SumNode.leaf)) }

  /// Number of addends.
  public var count: Int {
    switch self {
    case .addend: 1
    case .join(let left, let right): left.count + right.count
    }
  }

  /// The positions of the addends, from left to right.
  package var positions: [Int] {
    switch self {
    case .addend(let position): [position]
    case .join(let left, let right): left.positions + right.positions
    }
  }

  /// As an OpenCL C expression over `a0`, `a1`, …: `JOIN(JOIN(a0,a1),a2)`.
  package var expression: String {
    switch self {
    case .addend(let position): "a\(position)"
    case .join(let left, let right): "JOIN(\(left.expression),\(right.expression))"
    }
  }

  /// As a postfix program: a byte below `joinCode` pushes that addend, `joinCode` joins the top two.
  package var program: [UInt8] {
    switch self {
    case .addend(let position): [UInt8(truncatingIfNeeded: position)]
    case .join(let left, let right): left.program + right.program + [Self.joinCode]
    }
  }

  /// The join instruction of `program`.
  package static let joinCode: UInt8 = 255
}
