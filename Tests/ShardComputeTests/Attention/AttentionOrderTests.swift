// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("the order of attention") struct AttentionOrderTests {
  /// What a sum over `chunks` is, in words: a chunk's number, or two sums in brackets.
  private func sum(_ chunks: Range<Int>, in node: AttentionOrder.Node) -> String? {
    let own = node.chunks.clamped(to: chunks)
    if own.isEmpty { return nil }
    if node.level == 0 { return "\(node.index)" }
    let left = AttentionOrder.Node(level: node.level - 1, index: 2 * node.index)
    let parts = [left, .init(level: left.level, index: left.index + 1)].compactMap { sum(chunks, in: $0) }
    return parts.count == 1 ? parts[0] : "(\(parts[0]) \(parts[1]))"
  }

  /// The sum that joins make of nodes.
  private func joined(_ parts: [String], _ joins: [Int]) -> [String] {
    var stack: [String] = []
    for (part, count) in zip(parts, joins) {
      stack.append(part)
      for _ in 0..<count {
        let right = stack.removeLast()
        stack.append("(\(stack.removeLast()) \(right))")
      }
    }
    return stack
  }

  @Test("is one tree, whatever the height of the subtrees that tasks make") func tasks() {
    for begin in 0..<9 {
      for end in begin + 1...20 {
        let expected = sum(begin..<end, in: .init(level: 5, index: 0))
        for level in 0...5 {
          let nodes = AttentionOrder.nodes(covering: begin..<end, seen: begin..<end, level: level)
          let parts = nodes.compactMap { sum(begin..<end, in: $0) }
          let (joins, left) = AttentionOrder.joins(of: nodes, first: begin, isWhole: true)
          #expect(joined(parts, joins) == [expected], "chunks \(begin)..<\(end), level \(level)")
          #expect(left.count == 1)
        }
      }
    }
  }

  @Test("is one tree, however chunks are cut over ranks and tasks", arguments: TestSeed.fixedAndFresh)
  func ranks(seed: TestSeed) {
    var random = RandomNumbers(seed)
    for _ in 0..<300 {
      let end = Int.random(in: 1...70, using: &random)
      let seen = Int.random(in: 0..<end, using: &random)..<end
      let borders =
        [0] + (0..<Int.random(in: 0...6, using: &random)).map { _ in Int.random(in: 0...end, using: &random) }.sorted()
        + [end]
      var (nodes, parts): ([AttentionOrder.Node], [String]) = ([], [])
      for (first, last) in zip(borders, borders.dropFirst()) {
        // Tasks of a rank, joined as far as they can be without the others.
        let owned = (first..<last).clamped(to: seen)
        let tasks = AttentionOrder.nodes(
          covering: first..<last, seen: seen, level: Int.random(in: 0...6, using: &random))
        // A block of queries may see more than one of them does.
        let (joins, left) = AttentionOrder.joins(
          of: tasks, first: Int.random(in: 0...seen.lowerBound, using: &random), isWhole: false)
        parts += joined(tasks.compactMap { sum(owned, in: $0) }, joins)
        nodes += left
      }
      #expect(parts.count == nodes.count)
      let (joins, _) = AttentionOrder.joins(of: nodes, first: seen.lowerBound, isWhole: true)
      #expect(joined(parts, joins) == [sum(seen, in: .init(level: 7, index: 0))], "\(seen) cut at \(borders)")
    }
  }
}
