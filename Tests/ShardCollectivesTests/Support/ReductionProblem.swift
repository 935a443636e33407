// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute
import TestSupport

/// A reduction whose operands come from a seed, with the bytes that every rank must have afterwards.
struct ReductionProblem: Sendable, CustomStringConvertible {
  enum Form: Hashable, Sendable {
    case allReduce
    case reduce(root: Int)
    case reduceScatter(Cut)
  }

  var form: Form
  /// What each rank owns of the sum.
  var nodes: [[SumNode]]
  var count: Int
  var elementType = ElementType.f32
  var operation = Reduction.Operation.sum
  var inPlace = false
  /// Small integers, whose sums are exact in every type, instead of fractions.
  var exact = false
  /// Elements past a 64-byte border at which operands begin.
  var shift = 0
  var seed: TestSeed

  var description: String {
    "\(form) of \(count) \(elementType), \(operation), nodes \(nodes.map { $0.map(\.leaves) })"
      + "\(inPlace ? ", in place" : "")\(exact ? ", exact" : ""), shift \(shift), \(seed)"
  }

  /// Rank r owns leaf r.
  static func leaves(_ ranks: Int) -> [[SumNode]] { (0..<ranks).map { [.leaf($0)] } }

  /// Runs the reduction and says what is wrong; nothing where all is right.
  func faults(on communicator: Communicator) async throws -> [String] {
    var random = RandomNumbers(seed)
    // Long vectors repeat themselves after a prime number of elements, which no slice or tile does.
    let period = min(count, Lengths.period)
    let values = nodes.map { nodes in
      nodes.map { _ in
        elementType.decode(elementType.encode(exact ? random.integers(period, in: -4...4) : random.floats(period)))
      }
    }
    let size = elementType.byteCount
    let sum = elementType.encode(
      SerialSum.join(
        zip(nodes, values).flatMap { zip($0, $1).map { (node: $0, values: $1) } }, count: period, operation)
    ).repeated(to: count * size)
    let contents = values.map { $0.map { elementType.encode($0).repeated(to: count * size) } }
    let addends = try zip(communicator.devices, contents).map { device, contents in
      try contents.map { try GuardedMemory(device, bytes: $0, elementType, shift: shift) }
    }
    let results = try outputs(communicator, addends)
    try await run(communicator, addends, results)

    var faults: [String] = []
    for (rank, result) in results.enumerated() {
      guard let result else { continue }
      let elements = elements(rank)
      let bytes = try await result.memory.contents()
      let part = result.start * size..<(result.start + elements.count) * size
      if !bytes.matches(sum, in: part, at: elements.lowerBound * size) {
        let first = zip(bytes[part], sum[(elements.lowerBound * size)...]).enumerated().first { $1.0 != $1.1 }
        faults.append("rank \(rank) differs from element \((first?.offset ?? 0) / size) of \(elements.count)")
      }
    }
    for (rank, memories) in addends.enumerated() {
      for (position, memory) in memories.enumerated() {
        let expected = contents[rank][position]
        let bytes = try await memory.contents()
        // In place the rank's own part has changed, and nothing else.
        let result = inPlace && position == 0 ? results[rank] : nil
        let changed = result.map { $0.start * size..<($0.start + elements(rank).count) * size } ?? 0..<0
        if !bytes.matches(expected, in: 0..<changed.lowerBound)
          || !bytes.matches(expected, in: changed.upperBound..<max(bytes.count, expected.count))
        {
          faults.append("addend \(position) of rank \(rank) has changed")
        }
      }
    }
    return faults
  }

  /// What of the result rank `rank` gets.
  private func elements(_ rank: Int) -> Range<Int> {
    guard case .reduceScatter(let cut) = form else { return 0..<count }
    let start = cut.counts[..<rank].reduce(0, +)
    return start..<start + cut.counts[rank]
  }

  private typealias Output = (memory: GuardedMemory, start: Int)

  /// Where each rank's result goes; nil for ranks that get none.
  private func outputs(_ communicator: Communicator, _ addends: [[GuardedMemory]]) throws -> [Output?] {
    try communicator.devices.enumerated().map { rank, device in
      if case .reduce(let root) = form, root != rank { return nil }
      let elements = elements(rank)
      if inPlace, let first = addends[rank].first {
        if case .reduceScatter = form { return (first, elements.lowerBound) }
        return (first, 0)
      }
      return (try GuardedMemory(device, count: elements.count, elementType, shift: shift), 0)
    }
  }

  private func run(_ communicator: Communicator, _ addends: [[GuardedMemory]], _ results: [Output?]) async throws {
    let contributions = zip(addends, nodes).map { Contribution($0.map(\.operand), nodes: $1) }
    let outputs = results.compactMap { $0 }.map {
      Reduction.Operand($0.memory.memory, offset: $0.memory.offset + $0.start)
    }
    switch form {
    case .allReduce:
      try await communicator.allReduce(
        contributions, into: outputs, count: count, elementType: elementType, operation: operation)
    case .reduce(let root):
      try await communicator.reduce(
        contributions, into: outputs[0], at: root, count: count, elementType: elementType, operation: operation)
    case .reduceScatter(let cut):
      try await communicator.reduceScatter(
        contributions, into: outputs, cut: cut, elementType: elementType, operation: operation)
    }
  }
}
