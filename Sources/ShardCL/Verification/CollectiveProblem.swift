// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

/// A collective over ranks, with what it must give each of them.
struct CollectiveProblem: Sendable, CustomStringConvertible {
  /// Which collective.
  enum Kind: String, CaseIterable, Sendable {
    case allReduce = "all-reduce"
    case reduce
    case reduceScatter = "reduce-scatter"
    case allGather = "all-gather"
    case gather
    case scatter
    case broadcast
    case allToAll = "all-to-all"
    case recut

    /// Whether it adds.
    var joins: Bool { self == .allReduce || self == .reduce || self == .reduceScatter }
    /// Whether outputs may be the inputs' elements.
    var worksInPlace: Bool { [.allReduce, .reduceScatter, .allGather, .broadcast].contains(self) }
  }

  let kind: Kind
  /// Rows of the matrix that is cut; in one row a piece is one run of elements.
  var rows = 1
  /// Elements of a row.
  let count: Int
  let elementType: ElementType
  var operation = Reduction.Operation.sum
  /// Whether the first rank has nothing and the last has most, rather than all about the same.
  var isSkewed = false
  var isInPlace = false

  var description: String {
    kind.rawValue + (kind.joins ? "/\(operation)" : "") + "/\(elementType)/\(rows)x\(count)"
      + (isSkewed ? "/skewed" : "") + (isInPlace ? "/in-place" : "")
  }

  func run(on communicator: Communicator, seed: UInt64) async throws -> Findings {
    var findings = Findings()
    for numbers in Numbers.allCases {
      let data = data(numbers, ranks: communicator.rankCount, seed: seed)
      let outputs = try await outputs(of: data, on: communicator)
      for (output, expected) in zip(outputs, data.expected) {
        guard let output, let expected else { continue }
        let (bytes, stray) = try await output.contents()
        let found = bytes.floats(expected.offset..<expected.offset + expected.stored.count, elementType)
        findings.strayBytes += stray
        let different = zip(found, expected.stored).count { $0.bitPattern != $1.bitPattern }
        switch numbers {
        case .whole: findings.differentElements += different
        case .random:
          findings.sameBits = findings.sameBits && different == 0
          for (index, value) in found.enumerated() {
            findings.largestErrorOverBound = max(
              findings.largestErrorOverBound,
              ErrorBound.ratio(
                Double(value), expected.exact[index], magnitude: expected.magnitudes[index],
                terms: communicator.rankCount, storage: elementType))
          }
        }
      }
    }
    return findings
  }

  /// What a rank must have afterwards.
  private struct Expected {
    var stored: [Float]
    var exact: [Double]
    var magnitudes: [Double]
    /// Where it begins in the output's memory: in place a piece lies inside the input.
    var offset = 0

    init(joined: Joined) { (stored, exact, magnitudes) = (joined.stored, joined.exact, joined.magnitudes) }

    init(moved values: [Float]) {
      stored = values
      exact = values.map(Double.init)
      magnitudes = [Double](repeating: 0, count: values.count)
    }

    /// Elements `indices` alone.
    func picking(_ indices: [Int], offset: Int = 0) -> Expected {
      var part = self
      part.stored = indices.map { stored[$0] }
      part.exact = indices.map { exact[$0] }
      part.magnitudes = indices.map { magnitudes[$0] }
      part.offset = offset
      return part
    }
  }

  private struct TestData {
    /// What each rank has; nil where it brings nothing.
    var inputs: [[Float]?]
    /// What each rank must have; nil where it gets nothing.
    var expected: [Expected?]
  }

  private func cut(ranks: Int) -> Cut {
    guard isSkewed, ranks > 1 else { return .even(count, ranks: ranks, rows: rows) }
    var counts = [Int](repeating: min(1, count / ranks), count: ranks)
    counts[0] = 0
    counts[ranks - 1] += count - counts.reduce(0, +)
    return Cut(rows: rows, counts: counts)
  }

  /// Which elements of the whole a rank has.
  private func indices(of rank: Int, _ cut: Cut) -> [Int] {
    let start = cut.counts[..<rank].reduce(0, +)
    return (0..<rows).flatMap { row in (0..<cut.counts[rank]).map { row * count + start + $0 } }
  }

  /// How many elements rank `source` sends to rank `destination` of an all-to-all.
  private func exchanged(_ source: Int, _ destination: Int) -> Int {
    isSkewed && source == 0 ? 0 : (count + 3 * source + 5 * destination) % (count + 1)
  }

  private func rowCounts(ranks: Int) -> [Int] { Cut.even(rows, ranks: ranks).counts }

  private func data(_ numbers: Numbers, ranks: Int, seed: UInt64) -> TestData {
    func values(_ count: Int, _ rank: Int) -> [Float] {
      rounded(numbers.values(count, seed: seed, "\(self)/\(ranks)/\(rank)"), elementType)
    }
    let all = 0..<ranks
    let cut = cut(ranks: ranks)
    let root = ranks - 1
    let whole = values(rows * count, root)
    let pieces = all.map { indices(of: $0, cut) }
    switch kind {
    case .allReduce, .reduce, .reduceScatter:
      let inputs = all.map { values(rows * count, $0) }
      let sum = Expected(joined: Joined(inputs, operation, elementType))
      return TestData(
        inputs: inputs,
        expected: all.map { rank in
          switch kind {
          case .reduce: rank == root ? sum : nil
          case .reduceScatter:
            sum.picking(pieces[rank], offset: isInPlace ? cut.counts[..<rank].reduce(0, +) : 0)
          default: sum
          }
        })
    case .allGather, .gather:
      return TestData(
        inputs: pieces.map { $0.map { whole[$0] } },
        expected: all.map { kind == .allGather || $0 == root ? Expected(moved: whole) : nil })
    case .scatter:
      return TestData(
        inputs: all.map { $0 == root ? whole : nil }, expected: pieces.map { Expected(moved: whole).picking($0) })
    case .broadcast:
      return TestData(
        inputs: all.map { $0 == root ? whole : nil }, expected: all.map { _ in Expected(moved: whole) })
    case .allToAll:
      let sent = all.map { source in all.map { values(exchanged(source, $0), source * ranks + $0) } }
      return TestData(
        inputs: sent.map { $0.flatMap(\.self) },
        expected: all.map { destination in Expected(moved: all.flatMap { sent[$0][destination] }) })
    case .recut:
      let byRows = rowCounts(ranks: ranks)
      let inputs = all.map { rank in
        Array(whole[byRows[..<rank].reduce(0, +) * count..<byRows[...rank].reduce(0, +) * count])
      }
      return TestData(inputs: inputs, expected: pieces.map { Expected(moved: whole).picking($0) })
    }
  }

  /// Runs the collective; the outputs of ranks that get something.
  private func outputs(of data: TestData, on communicator: Communicator) async throws -> [GuardedOperand?] {
    let ranks = communicator.rankCount
    let devices = communicator.devices
    let cut = cut(ranks: ranks)
    let root = ranks - 1
    let type = elementType
    if isInPlace { return try await outputsInPlace(of: data, on: communicator, cut) }
    let inputs = try zip(devices, data.inputs).map { device, values in
      try GuardedOperand(device, values, count: values?.count ?? 0, as: type)
    }
    let outputs = try zip(devices, data.expected).map { device, expected in
      try GuardedOperand(device, count: expected?.stored.count ?? 0, as: type)
    }
    let from = inputs.map { $0.operand() }
    let into = outputs.map { $0.operand() }
    switch kind {
    case .allReduce:
      try await communicator.allReduce(from, into: into, count: count, elementType: type, operation: operation)
    case .reduce:
      try await communicator.reduce(
        from, into: into[root], at: root, count: count, elementType: type, operation: operation)
    case .reduceScatter:
      try await communicator.reduceScatter(from, into: into, cut: cut, elementType: type, operation: operation)
    case .allGather: try await communicator.allGather(from, into: into, cut: cut, elementType: type)
    case .gather: try await communicator.gather(from, into: into[root], at: root, cut: cut, elementType: type)
    case .scatter: try await communicator.scatter(from[root], from: root, into: into, cut: cut, elementType: type)
    case .broadcast:
      try await communicator.broadcast(from[root], from: root, into: into, count: count, elementType: type)
    case .allToAll:
      let counts = (0..<ranks).map { source in (0..<ranks).map { exchanged(source, $0) } }
      try await communicator.allToAll(from, into: into, counts: counts, elementType: type)
    case .recut:
      try await communicator.allToAll(
        from, into: into, rowCounts: rowCounts(ranks: ranks), columnCounts: cut.counts, .rowsToColumns,
        elementType: type)
    }
    return zip(outputs, data.expected).map { $1 == nil ? nil : $0 }
  }

  /// The same where outputs are elements of the inputs, or the other way round.
  private func outputsInPlace(
    of data: TestData, on communicator: Communicator, _ cut: Cut
  ) async throws -> [GuardedOperand] {
    let devices = communicator.devices
    let root = devices.count - 1
    let starts = devices.indices.map { cut.counts[..<$0].reduce(0, +) }
    let memories = try devices.enumerated().map { rank, device in
      var values = data.inputs[rank] ?? [Float](repeating: 0, count: count)
      if kind == .allGather {
        // A piece lies where it belongs in the whole.
        var whole = [Float](repeating: 0, count: count)
        whole.replaceSubrange(starts[rank]..<starts[rank] + values.count, with: values)
        values = whole
      }
      return try GuardedOperand(device, values, count: values.count, as: elementType)
    }
    let wholes = memories.map { $0.operand() }
    let parts = zip(memories, starts).map { $0.operand(at: $1) }
    switch kind {
    case .allReduce:
      try await communicator.allReduce(
        wholes, into: wholes, count: count, elementType: elementType, operation: operation)
    case .reduceScatter:
      try await communicator.reduceScatter(
        wholes, into: parts, cut: cut, elementType: elementType, operation: operation)
    case .allGather: try await communicator.allGather(parts, into: wholes, cut: cut, elementType: elementType)
    default:
      try await communicator.broadcast(
        wholes[root], from: root, into: wholes, count: count, elementType: elementType)
    }
    return memories
  }
}
