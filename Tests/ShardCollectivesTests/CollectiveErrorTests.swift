// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute
import TestSupport
import Testing

@Suite("collectives refuse what cannot be right") struct CollectiveErrorTests {
  private let devices: [any ComputeDevice]
  private let communicator: Communicator
  /// Twenty elements of each rank.
  private let operands: [Reduction.Operand]
  private let others: [Reduction.Operand]

  init() throws {
    let devices = try TestDevices.ranks(2, .host)
    self.devices = devices
    communicator = try Communicator(devices: devices)
    operands = try devices.map { Reduction.Operand(try $0.upload([Float](repeating: 1, count: 20))) }
    others = try devices.map { Reduction.Operand(try $0.upload([Float](repeating: 2, count: 20))) }
  }

  @Test("no ranks, or a list that does not fit them")
  func rankCounts() async throws {
    #expect(throws: CollectiveError.noRanks) { try Communicator(devices: []) }
    await refused(.rankCount(what: "contributions", given: 1, ranks: 2)) {
      try await communicator.allReduce([operands[0]], into: others, count: 20)
    }
    await refused(.rankCount(what: "outputs", given: 3, ranks: 2)) {
      try await communicator.allReduce(operands, into: others + [others[0]], count: 20)
    }
    await refused(.rankCount(what: "inputs", given: 0, ranks: 2)) {
      try await communicator.allGather([], into: others, cut: Cut.even(20, ranks: 2))
    }
    await refused(.rankCount(what: "counts of the cut", given: 3, ranks: 2)) {
      try await communicator.allGather(operands, into: others, cut: Cut.even(20, ranks: 3))
    }
    await refused(.rankCount(what: "rows of counts", given: 1, ranks: 2)) {
      try await communicator.allToAll(operands, into: others, counts: [[1, 1]])
    }
  }

  @Test("a root that is no rank", arguments: [-1, 2, Int.max])
  func roots(root: Int) async throws {
    await refused(.root(root, ranks: 2)) {
      try await communicator.reduce(operands, into: others[0], at: root, count: 20)
    }
    await refused(.root(root, ranks: 2)) {
      try await communicator.broadcast(operands[0], from: root, into: others, count: 20)
    }
    await refused(.root(root, ranks: 2)) {
      try await communicator.scatter(operands[0], from: root, into: others, cut: Cut.even(20, ranks: 2))
    }
    await refused(.root(root, ranks: 2)) {
      try await communicator.gather(operands, into: others[0], at: root, cut: Cut.even(20, ranks: 2))
    }
  }

  @Test("sizes below zero or beyond any memory")
  func sizes() async throws {
    await refused(.size(what: "elements", -1)) {
      try await communicator.allReduce(operands, into: others, count: -1)
    }
    await refused(.size(what: "elements of a rank", -3)) {
      try await communicator.reduceScatter(operands, into: others, cut: Cut(counts: [23, -3]))
    }
    await refused(.size(what: "rows", -1)) {
      try await communicator.allGather(operands, into: others, cut: Cut(rows: -1, counts: [1, 1]))
    }
    await refused(.overflow(Int.max, "+", 1)) {
      try await communicator.allGather(operands, into: others, cut: Cut(counts: [Int.max, 1]))
    }
    await refused(.overflow(Int.max / 2, "×", 4)) {
      try await communicator.allGather(operands, into: others, cut: Cut(rows: Int.max / 2, counts: [2, 2]))
    }
    await refused(.overflow(Int.max, "+", 1)) {
      try await communicator.allToAll(operands, into: others, counts: [[Int.max, 0], [1, 0]])
    }
  }

  @Test("operands that end outside their memory, and memory of another device")
  func operandsOutside() async throws {
    let error = { (what: String, rank: Int, offset: Int, count: Int, capacity: Int, type: ElementType) in
      CollectiveError.outOfRange(
        what: what, rank: rank, offset: offset, count: count, capacity: capacity, elementType: type)
    }
    await refused(error("addend", 0, 0, 21, 20, .f32)) {
      try await communicator.allReduce(operands, into: others, count: 21)
    }
    await refused(error("addend", 0, 0, Int.max, 40, .bf16)) {
      try await communicator.allReduce(operands, into: others, count: Int.max, elementType: .bf16)
    }
    for offset in [-1, 1, 21, Int.max] {
      await refused(error("output", 1, offset, 20, 20, .f32)) {
        try await communicator.allReduce(
          operands, into: [others[0], Reduction.Operand(others[1].memory, offset: offset)], count: 20)
      }
    }
    guard let device = try TestDevices.openCL() else { return }
    let foreign = Reduction.Operand(try device.allocate(byteCount: 80))
    await refused(.foreignMemory(what: "output", rank: 1, device: "host.1")) {
      try await communicator.allReduce(operands, into: [others[0], foreign], count: 20)
    }
  }

  @Test("outputs that overlap other operands")
  func overlaps() async throws {
    let shifted = Reduction.Operand(operands[0].memory, offset: 1)
    await refused(.overlap(output: 0, what: "addend", rank: 0)) {
      try await communicator.allReduce(operands, into: [shifted, others[1]], count: 19)
    }
    await refused(.overlap(output: 1, what: "addend", rank: 0)) {
      try await communicator.allReduce(operands, into: [others[0], operands[0]], count: 20)
    }
    await refused(.overlap(output: 1, what: "output", rank: 0)) {
      try await communicator.allReduce(operands, into: [others[0], others[0]], count: 20)
    }
    await refused(.overlap(output: 0, what: "input", rank: 0)) {
      try await communicator.allToAll(operands, into: operands, counts: [[1, 1], [1, 1]])
    }
    // With several rows a piece is not one run of the whole.
    await refused(.overlap(output: 0, what: "addend", rank: 0)) {
      try await communicator.reduceScatter(operands, into: operands, cut: Cut.even(10, ranks: 2, rows: 2))
    }
    // The second rank's own piece is the second half.
    await refused(.overlap(output: 1, what: "input", rank: 1)) {
      try await communicator.allGather(operands, into: operands, cut: Cut.even(20, ranks: 2))
    }
  }

  @Test("addends and nodes that make no sum")
  func nodes() async throws {
    func contributions(_ nodes: [SumNode], _ second: [SumNode]) -> [Contribution] {
      [Contribution([operands[0]], nodes: nodes), Contribution(second.map { _ in operands[1] }, nodes: second)]
    }
    await refused(.nodeCount(rank: 0, addends: 1, nodes: 2)) {
      try await communicator.allReduce(contributions([.leaf(0), .leaf(1)], []), into: others, count: 20)
    }
    let pair = SumNode(level: 1, index: 0)
    await refused(.node(.leaf(1), rank: 1)) {
      try await communicator.allReduce(contributions([pair], [.leaf(1)]), into: others, count: 20)
    }
    for node in [
      SumNode(level: -1, index: 0), SumNode(level: 99, index: 0), SumNode(level: 0, index: -1), .leaf(Int.max),
    ] {
      await refused(.node(node, rank: 0)) {
        try await communicator.allReduce(contributions([node], []), into: others, count: 20)
      }
    }
    await refused(.tooManyAddends(17, limit: 16, elementType: .f16)) {
      try await communicator.allReduce(
        contributions([.leaf(0)], (1...16).map(SumNode.leaf)), into: others, count: 20, elementType: .f16)
    }
    await refused(.tooManyAddends(257, limit: 256, elementType: .f32)) {
      try await communicator.allReduce(
        contributions([.leaf(0)], (1...256).map(SumNode.leaf)), into: others, count: 20)
    }
    await refused(.nothingToJoin(.max)) {
      try await communicator.allReduce([.none, .none], into: others, count: 20, operation: .max)
    }
  }

  @Test("after an error everything works, and its text has the values")
  func afterwards() async throws {
    await refused(.root(7, ranks: 2)) {
      try await communicator.reduce(operands, into: others[0], at: 7, count: 20)
    }
    #expect(CollectiveError.root(7, ranks: 2).description == "rank 7 as root; ranks are 0 to 1")
    try await communicator.allReduce(operands, into: others, count: 20)
    for (device, other) in zip(devices, others) {
      #expect(try await device.download(other.memory) == [Float](repeating: 2, count: 20))
    }
  }

  /// Expects an error, and that no operand has changed.
  private func refused(
    _ expected: CollectiveError, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
  ) async {
    do {
      try await body()
      Issue.record("no error, expected: \(expected)", sourceLocation: sourceLocation)
    } catch { #expect(error as? CollectiveError == expected, sourceLocation: sourceLocation) }
    do {
      for (rank, device) in devices.enumerated() {
        #expect(try await device.download(operands[rank].memory) == [Float](repeating: 1, count: 20))
        #expect(try await device.download(others[rank].memory) == [Float](repeating: 2, count: 20))
      }
    } catch { Issue.record(error, sourceLocation: sourceLocation) }
  }
}
