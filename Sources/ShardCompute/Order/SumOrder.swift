// SPDX-License-Identifier: Apache-2.0

/// The order in which the terms of one reduction dimension are added, the same on every device and mesh.
///
/// The dimension is cut into `leafCount` *leaves*, as even as whole units allow. Inside a leaf an element of a product
/// is one chain of `fma` over ascending k, from zero. Leaves join, left + right, in one complete binary tree. A rank
/// owns a run of leaves, and hands over the complete subtrees ("nodes") that cover them, so that the sum over the ranks
/// finishes the same tree whatever the cut.
public struct SumOrder: Hashable, Sendable {
  /// Leaves of every reduction dimension: a power of two, and the most ranks that a row-parallel product can use.
  public static let leafCount = 8
  /// All leaves: what a rank owns whose operands are whole.
  public static let allLeaves = 0..<leafCount

  /// Terms of the whole sum (k of a product), over all ranks.
  public let length: Int
  /// Terms that are never separated: a quantisation block, the size of a head; 1 where any cut is right.
  public let unit: Int

  /// The order of a sum of `length` (≥ 0) terms that may be cut between units of `unit` (≥ 1) terms.
  public init(length: Int, unit: Int = 1) {
    precondition(length >= 0 && unit >= 1, "a sum needs a length of 0 or more and a unit of 1 or more")
    self.length = length
    self.unit = unit
  }

  /// Where leaf `leaf` begins; `border(leafCount)` is `length`. Leaves are empty where there are fewer units than leaves.
  public func border(_ leaf: Int) -> Int {
    // ⌊leaf · units / leafCount⌋ without overflow, whatever length a file claims.
    let units = length / unit + (length % unit == 0 ? 0 : 1)
    let first = units / Self.leafCount * leaf + units % Self.leafCount * leaf / Self.leafCount
    return first >= units ? length : first * unit
  }

  /// The terms of a run of leaves.
  public func terms(of leaves: Range<Int>) -> Range<Int> { border(leaves.lowerBound)..<border(leaves.upperBound) }

  /// The leaves that make up exactly `terms`, nil where that range does not lie on leaf borders.
  public func leaves(of terms: Range<Int>) -> Range<Int>? {
    guard let first = (0...Self.leafCount).last(where: { border($0) == terms.lowerBound }) else { return nil }
    guard let last = (first...Self.leafCount).first(where: { border($0) == terms.upperBound }) else { return nil }
    return first..<last
  }

  /// Leaf runs of `parts` (≥ 1) ranks, as even as possible; with more ranks than leaves some own none.
  public static func even(parts: Int) -> [Range<Int>] {
    precondition(parts >= 1, "at least one part")
    return (0..<parts).map { $0 * leafCount / parts..<($0 + 1) * leafCount / parts }
  }
}

/// A complete subtree of a sum: leaves `index << level ..< (index + 1) << level`.
public struct SumNode: Hashable, Sendable {
  /// Height above the leaves; a leaf is at level 0.
  public let level: Int
  /// Position among the nodes of its level.
  public let index: Int

  /// The node at `index` of `level`.
  public init(level: Int, index: Int) {
    self.level = level
    self.index = index
  }

  /// The leaf at `index`.
  public static func leaf(_ index: Int) -> SumNode { SumNode(level: 0, index: index) }

  /// The largest complete subtrees that cover exactly `leaves`, in ascending order; empty for no leaves.
  public static func covering(_ leaves: Range<Int>) -> [SumNode] {
    var nodes: [SumNode] = []
    var start = leaves.lowerBound
    while start < leaves.upperBound {
      var level = start == 0 ? Int.bitWidth - 2 : start.trailingZeroBitCount
      while start + (1 << level) > leaves.upperBound || level > 32 { level -= 1 }
      nodes.append(SumNode(level: level, index: start >> level))
      start += 1 << level
    }
    return nodes
  }

  /// The leaves below the node.
  public var leaves: Range<Int> { index << level..<(index + 1) << level }
}
