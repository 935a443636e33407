// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute
import TestSupport
import Testing

@Suite("all-reduce, reduce, reduce-scatter") struct ReductionTests {
  @Test("have the bits of the serial sum, in place and out", arguments: RankCase.all, TestSeed.fixedAndFresh)
  func sums(ranks: RankCase, seed: TestSeed) async throws {
    let communicator = try ranks.communicator()
    let nodes = ReductionProblem.leaves(ranks.count)
    for elementType in ElementType.allCases {
      for count in elementType == .f32 ? Lengths.short : [1, 257] {
        for form in forms(ranks.count, count, seed) {
          for inPlace in [false, true] {
            let problem = ReductionProblem(
              form: form, nodes: nodes, count: count, elementType: elementType, inPlace: inPlace, exact: count == 257,
              shift: count % 4, seed: seed)
            #expect(try await problem.faults(on: communicator) == [], "\(problem)")
          }
        }
      }
    }
  }

  @Test("are right for what one rank does not join alone", arguments: RankCase.all)
  func longSums(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    for (elementType, inPlace) in [(ElementType.f32, false), (.f32, true), (.f16, true), (.bf16, false)] {
      for form in forms(ranks.count, Lengths.long, TestSeed(3)) {
        let problem = ReductionProblem(
          form: form, nodes: ReductionProblem.leaves(ranks.count), count: Lengths.long, elementType: elementType,
          inPlace: inPlace, shift: 1, seed: TestSeed(3))
        #expect(try await problem.faults(on: communicator) == [], "\(problem)")
      }
    }
  }

  @Test("know maximum and minimum", arguments: RankCase.all)
  func extrema(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    for operation in [Reduction.Operation.max, .min] {
      for elementType in ElementType.allCases {
        for count in [1, 1009] {
          let problem = ReductionProblem(
            form: .allReduce, nodes: ReductionProblem.leaves(ranks.count), count: count, elementType: elementType,
            operation: operation, inPlace: count == 1, seed: TestSeed(4))
          #expect(try await problem.faults(on: communicator) == [], "\(problem)")
        }
      }
    }
  }

  @Test("finish one tree, however its leaves are cut over the ranks", arguments: RankCase.all)
  func subtrees(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    // As a row-parallel product does it: with three ranks leaves 0 ..< 2, 2 ..< 5 and 5 ..< 8.
    let even = SumOrder.even(parts: ranks.count).map { SumNode.covering($0) }
    // Rank 0 owns nothing, the last rank comes first.
    let turned = [[]] + SumOrder.even(parts: max(1, ranks.count - 1)).map { SumNode.covering($0) }.reversed()
    for nodes in [even, Array(turned.prefix(ranks.count))] {
      for (count, inPlace) in [(257, false), (1009, true), (Lengths.long, true)] {
        for form in [.allReduce, .reduceScatter(Cut.even(count, ranks: ranks.count))] as [ReductionProblem.Form] {
          let problem = ReductionProblem(form: form, nodes: nodes, count: count, inPlace: inPlace, seed: TestSeed(5))
          #expect(try await problem.faults(on: communicator) == [], "\(problem)")
        }
      }
    }
  }

  @Test("give the same bits whoever owns the leaves", arguments: TestDevices.kinds)
  func sameBits(kind: TestDevices.Kind) async throws {
    var random = RandomNumbers(TestSeed(6))
    let leaves = (0..<SumOrder.leafCount).map { _ in random.floats(101) }
    var results: [[Float]] = []
    for count in [1, 2, 3, 4, 5, 8] {
      let devices = try TestDevices.ranks(count, kind)
      // Ranks bring every leaf by itself; the tree over them is the same.
      let owned = SumOrder.even(parts: count)
      let contributions = try zip(devices, owned).map { device, owned in
        Contribution(
          try owned.map { Reduction.Operand(try device.upload(leaves[$0])) }, nodes: owned.map(SumNode.leaf))
      }
      let outputs = try devices.map { Reduction.Operand(try $0.allocate(byteCount: 404)) }
      try await Communicator(devices: devices).allReduce(contributions, into: outputs, count: 101)
      for (device, output) in zip(devices, outputs) { results.append(try await device.download(output.memory)) }
    }
    #expect(Set(results).count == 1)
  }

  @Test("join more addends than one reduction takes", arguments: RankCase.ranks(3))
  func manyAddends(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    for leafCount in [16, 17, 45, 256] {
      let nodes = (0..<3).map { rank in (0..<leafCount).filter { $0 % 3 == rank }.map(SumNode.leaf) }
      for form in [.allReduce, .reduceScatter(Cut(counts: [100, 0, 201]))] as [ReductionProblem.Form] {
        let problem = ReductionProblem(form: form, nodes: nodes, count: 301, inPlace: true, seed: TestSeed(7))
        #expect(try await problem.faults(on: communicator) == [], "\(problem)")
      }
    }
  }

  @Test("give zero for a sum that nobody brings anything to", arguments: RankCase.ranks(2))
  func noAddends(ranks: RankCase) async throws {
    let communicator = try ranks.communicator()
    for elementType in ElementType.allCases {
      for (count, shift) in [(0, 0), (1, 0), (1, 1), (7, 1), (8, 1), (1009, 0)] {
        let problem = ReductionProblem(
          form: .allReduce, nodes: [[], []], count: count, elementType: elementType, shift: shift, seed: TestSeed(8))
        #expect(try await problem.faults(on: communicator) == [], "\(problem)")
      }
    }
  }

  @Test("cut the columns of a matrix", arguments: RankCase.all)
  func matrixScatter(ranks: RankCase) async throws {
    let devices = try TestDevices.ranks(ranks.count, ranks.kind)
    let cut = Cut(rows: 5, counts: (0..<ranks.count).map { $0 * 7 % 11 })
    var random = RandomNumbers(TestSeed(9))
    let values = devices.map { _ in random.floats(cut.count) }
    let sum = SerialSum.join(
      values.enumerated().map { (node: .leaf($0), values: $1) }, count: cut.count, .sum)
    let inputs = try zip(devices, values).map { try GuardedMemory($0, bytes: ElementType.f32.encode($1)) }
    let outputs = try zip(devices, cut.counts).map { try GuardedMemory($0, count: 5 * $1) }
    try await ranks.communicator().reduceScatter(inputs.map(\.operand), into: outputs.map(\.operand), cut: cut)
    for (rank, output) in outputs.enumerated() {
      let start = cut.counts[..<rank].reduce(0, +)
      let piece = (0..<5).flatMap { row in
        sum[row * cut.columns + start..<row * cut.columns + start + cut.counts[rank]]
      }
      #expect(ElementType.f32.decode(try await output.contents()) == piece, "rank \(rank) of \(ranks)")
    }
  }

  /// All-reduce, reduce to a root and reduce-scatter with unequal pieces, some empty.
  private func forms(_ ranks: Int, _ count: Int, _ seed: TestSeed) -> [ReductionProblem.Form] {
    var random = RandomNumbers(seed)
    let borders = [0] + (1..<ranks).map { _ in Int.random(in: 0...count, using: &random) }.sorted() + [count]
    let uneven = Cut(counts: zip(borders, borders.dropFirst()).map { $1 - $0 })
    return [.allReduce, .reduce(root: Int(seed.value % UInt64(ranks))), .reduceScatter(uneven)]
  }
}
