// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Testing

@Suite("sum order") struct SumOrderTests {
  @Test("leaves cover every term once, as even as whole units allow") func borders() {
    for length in [0, 1, 2, 7, 8, 9, 63, 64, 65, 1000, 2048] {
      for unit in [1, 3, 32, 256] {
        let order = SumOrder(length: length, unit: unit)
        let borders = (0...SumOrder.leafCount).map(order.border)
        #expect(borders.first == 0 && borders.last == length)
        let units = zip(borders, borders.dropFirst()).map { ($1 - $0 + unit - 1) / unit }
        #expect(units.allSatisfy { $0 >= 0 })
        #expect((units.max() ?? 0) - (units.min() ?? 0) <= 1, "\(length) by \(unit): \(borders)")
        #expect(borders.dropLast().allSatisfy { $0 % unit == 0 || $0 == length })
      }
    }
  }

  @Test("leaves are found again from their terms") func leavesOfTerms() {
    let order = SumOrder(length: 100, unit: 4)
    for begin in 0...8 {
      for end in begin...8 {
        #expect(order.leaves(of: order.terms(of: begin..<end)).map(order.terms) == order.terms(of: begin..<end))
      }
    }
    #expect(order.leaves(of: 1..<100) == nil)
    #expect(order.leaves(of: 0..<13) == nil)
  }

  @Test("nodes are the fewest complete subtrees, in ascending order") func nodes() {
    #expect(SumNode.covering(0..<8) == [SumNode(level: 3, index: 0)])
    #expect(SumNode.covering(3..<6) == [.leaf(3), SumNode(level: 1, index: 2)])
    #expect(
      SumNode.covering(1..<7) == [.leaf(1), SumNode(level: 1, index: 1), SumNode(level: 1, index: 2), .leaf(6)])
    #expect(SumNode.covering(5..<5).isEmpty)
    for begin in 0...16 {
      for end in begin...16 {
        #expect(SumNode.covering(begin..<end).flatMap { Array($0.leaves) } == Array(begin..<end))
      }
    }
  }

  @Test("any cut of the leaves finishes the same tree") func cuts() throws {
    let whole = try #require(ReductionTree(count: 8))
    #expect(whole.expression == "JOIN(JOIN(JOIN(a0,a1),JOIN(a2,a3)),JOIN(JOIN(a4,a5),JOIN(a6,a7)))")
    for parts in 1...11 {
      let nodes = SumOrder.even(parts: parts).flatMap(SumNode.covering)
      let tree = try #require(ReductionTree(nodes: nodes))
      // Putting each node's own tree in the place of its addend must give the whole tree.
      func leaves(_ node: SumNode) -> String {
        guard node.level > 0 else { return "a\(node.index)" }
        let left = SumNode(level: node.level - 1, index: 2 * node.index)
        return "JOIN(\(leaves(left)),\(leaves(SumNode(level: left.level, index: left.index + 1))))"
      }
      func expand(_ tree: ReductionTree) -> String {
        switch tree {
        case .addend(let position): leaves(nodes[position])
        case .join(let left, let right): "JOIN(\(expand(left)),\(expand(right)))"
        }
      }
      #expect(expand(tree) == whole.expression, "\(parts) parts")
    }
  }
}
