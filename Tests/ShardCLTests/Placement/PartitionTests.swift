// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import Testing

@Suite("Partition") struct PartitionTests {
  @Test("even parts differ by one unit at most and make up the axis")
  func even() throws {
    for length in [0, 1, 2, 7, 8, 64, 1003] {
      for parts in [1, 2, 3, 5, 8, 13] {
        for granularity in [1, 3, 8, 32] {
          let partition = try Partition.even(length, parts: parts, granularity: granularity)
          #expect(partition.parts == parts && partition.length == length)
          #expect(partition.counts.reduce(0, +) == length)
          let inner = partition.borders.dropLast().filter { $0 < length }
          #expect(inner.allSatisfy { $0 % granularity == 0 }, "\(partition) of units of \(granularity)")
          let units = partition.counts.map { ($0 + granularity - 1) / granularity }
          #expect((units.max() ?? 0) - (units.min() ?? 0) <= 1, "\(partition) of units of \(granularity)")
        }
      }
    }
  }

  @Test("more parts than units leaves parts empty")
  func morePartsThanUnits() throws {
    let partition = try Partition.even(64, parts: 8, granularity: 32)
    #expect(partition.counts.filter { $0 == 32 }.count == 2)
    #expect(partition.counts.filter { $0 == 0 }.count == 6)
    #expect(try Partition.even(0, parts: 3).counts == [0, 0, 0])
  }

  @Test("weights give proportions, to the nearest unit")
  func weighted() throws {
    #expect(try Partition.weighted(100, weights: [1, 3]).counts == [25, 75])
    #expect(try Partition.weighted(96, weights: [1, 2], granularity: 32).counts == [32, 64])
    #expect(try Partition.weighted(10, weights: [0, 1, 0]).counts == [0, 10, 0])
    // Shares of a tenth add up to less than one in binary.
    #expect(try Partition.weighted(1000, weights: Array(repeating: 0.1, count: 10)).length == 1000)
    #expect(try Partition.weighted(1_000_003, weights: Array(repeating: 0.1, count: 7)).length == 1_000_003)
  }

  @Test("what is no partition is refused with its values")
  func refusals() {
    for (borders, text) in [([Int](), "[]"), ([0], "[0]"), ([1, 2], "[1, 2]"), ([0, 3, 2], "[0, 3, 2]")] {
      #expect { try Partition.fromBorders(borders) } throws: { "\($0)".contains(text) }
    }
    #expect(throws: ShardingError.self) { try Partition.even(-1, parts: 2) }
    #expect(throws: ShardingError.self) { try Partition.even(8, parts: 0) }
    #expect(throws: ShardingError.self) { try Partition.even(8, parts: 2, granularity: 0) }
    for weights in [
      [], [0, 0], [-1, 2], [.nan, 1], [.infinity, 1], [.greatestFiniteMagnitude, .greatestFiniteMagnitude],
    ] {
      #expect(throws: ShardingError.self) { try Partition.weighted(8, weights: weights) }
    }
  }

  @Test("the longest axis does not overflow")
  func longest() throws {
    #expect(try Partition.even(.max, parts: 3).length == .max)
    #expect(try Partition.even(.max, parts: 8, granularity: .max - 1).length == .max)
    for unit in [1, 256, .max] {
      let order = SumOrder(length: .max, unit: unit)
      #expect(try Partition.leaves(of: order, parts: 3).leafRuns(of: order) != nil)
    }
  }

  @Test("cuts of a reduction lie on leaf borders and share out all leaves")
  func leaves() throws {
    for length in [0, 1, 3, 7, 8, 64, 1003] {
      for unit in [1, 4, 32] {
        for parts in [1, 2, 3, 4, 5, 8, 11] {
          let order = SumOrder(length: length, unit: unit)
          for partition in [
            try Partition.leaves(of: order, parts: parts),
            try Partition.leaves(of: order, weights: (1...parts).map(Double.init)),
          ] {
            #expect(partition.parts == parts && partition.length == length)
            let runs = try #require(partition.leafRuns(of: order), "\(partition) of \(order)")
            #expect(Array(runs.joined()) == Array(SumOrder.allLeaves))
            #expect(runs.map(order.terms).map(\.count) == partition.counts)
          }
        }
      }
    }
  }

  @Test("1, 2, 4 and 8 equal ranks own one subtree each")
  func equalRanks() throws {
    for length in [8, 64, 1003] {
      for parts in [1, 2, 4, 8] {
        let order = SumOrder(length: length)
        let runs = try #require(try Partition.leaves(of: order, parts: parts).leafRuns(of: order))
        #expect(runs == SumOrder.even(parts: parts))
        #expect(runs.allSatisfy { SumNode.covering($0).count == 1 })
      }
    }
  }

  @Test("few heads are shared out evenly")
  func heads() throws {
    #expect(try Partition.leaves(of: SumOrder(length: 768, unit: 256), parts: 3).counts == [256, 256, 256])
    #expect(try Partition.leaves(of: SumOrder(length: 1024, unit: 256), parts: 4).counts == [256, 256, 256, 256])
  }

  @Test("a cut beside a leaf border owns no leaves")
  func offBorder() throws {
    let order = SumOrder(length: 64)
    #expect(try Partition.fromBorders([0, 9, 64]).leafRuns(of: order) == nil)
    #expect(try Partition.fromBorders([0, 8, 32]).leafRuns(of: order) == nil)
  }
}
