// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// What a rank brings to a reduction: one addend for each node of the sum that it owns.
///
/// The nodes of all ranks say in which order the addends are joined, so that a sum has the same bits however it is cut
/// over ranks. A rank that owns nothing brings nothing, and still gets the result.
public struct Contribution: Sendable {
  /// The addends, all of the same length.
  public let addends: [Reduction.Operand]
  /// The node of the sum that each addend is; as many as addends.
  public let nodes: [SumNode]

  /// One addend for each of `nodes`.
  public init(_ addends: [Reduction.Operand], nodes: [SumNode]) {
    self.addends = addends
    self.nodes = nodes
  }

  /// Nothing: the contribution of a rank that owns no part of the sum.
  public static var none: Contribution { Contribution([], nodes: []) }

  /// One operand of each rank; rank r is leaf r of the sum.
  public static func leaves(_ operands: [Reduction.Operand]) -> [Contribution] {
    operands.enumerated().map { Contribution([$1], nodes: [.leaf($0)]) }
  }
}
