// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Which heads of an attention each rank has: whole groups of query heads with their KV head, or where ranks outnumber the
/// KV heads some of the query heads of one group, and a copy of its KV head. A rank may have none.
///
/// | tensor | columns | placement and cut |
/// | --- | --- | --- |
/// | queries | queryHeads · keySize | `.shard(1)`, `queries` |
/// | keys, values | those of all ranks' KV heads | `.shard(1)`, `keys` and `values` |
/// | result | queryHeads · valueSize | `.shard(1)`, `results` |
///
/// So the projections that make queries, keys and values are column-parallel layers with these partitions, those of keys
/// and values over `keyRows` and `valueRows` of their weights; and the one that follows is a row-parallel layer with the
/// partition `results` and the unit `outputUnit`.
public struct AttentionPartition: Hashable, Sendable {
  /// All heads.
  public let heads: AttentionHeads
  /// Columns of the result that are one unit of the sum of the layer that follows: some heads of a group, so that the
  /// leaves of that sum end where groups do, and within groups where there are few; and whole blocks of that layer's
  /// weight. It depends on the model alone, so that bits do not depend on the ranks.
  public let outputUnit: Int
  /// The query heads of each rank.
  public let queryHeads: Partition
  /// The KV heads of each rank; neighbours may have the same one.
  public let kvHeads: [Range<Int>]

  /// Number of ranks.
  public var ranks: Int { kvHeads.count }

  /// Heads over `ranks` ranks as evenly as they can be cut.
  ///
  /// - Parameter blockLength: columns of the layer that follows that are never separated: those of a block of its weight.
  /// - Throws: `ShardingError.invalidPartition` for no ranks, or a block length below 1.
  public init(_ heads: AttentionHeads, ranks: Int, blockLength: Int = 1) throws {
    guard ranks >= 1 else { throw ShardingError.invalidPartition("heads over \(ranks) ranks; 1 or more are possible") }
    try self.init(heads, weights: Array(repeating: 1, count: ranks), blockLength: blockLength)
  }

  /// Heads in proportion to `weights` (the speed of each rank), as nearly as they can be cut.
  ///
  /// - Throws: `ShardingError.invalidPartition` for weights that are negative, not finite or all zero, or a block length
  ///   below 1.
  public init(_ heads: AttentionHeads, weights: [Double], blockLength: Int = 1) throws {
    let shares = try Partition.weighted(1 << 40, weights: weights).borders.map { Double($0) * 0x1p-40 }
    let cuts = Self.cuts(heads, unit: try Self.unit(heads, blockLength))
    try self.init(
      heads, queryHeads: .fromBorders(Self.borders(heads, cuts, shares: shares)), blockLength: blockLength)
  }

  /// The given query heads for each rank.
  ///
  /// - Throws: `ShardingError.invalidPartition` where a rank would have parts of several groups, or the output's sum could
  ///   not be cut there.
  public init(_ heads: AttentionHeads, queryHeads: Partition, blockLength: Int = 1) throws {
    let group = max(1, heads.group)
    outputUnit = try Self.unit(heads, blockLength)
    let possible = Self.cuts(heads, unit: outputUnit)
    guard queryHeads.length == heads.queryHeads, queryHeads.borders.allSatisfy(possible.contains) else {
      throw ShardingError.invalidPartition(
        "query heads \(queryHeads) of \(heads); they are cut at \(possible)")
    }
    kvHeads = try (0..<queryHeads.parts).map { rank in
      let range = queryHeads.range(of: rank)
      guard !range.isEmpty else { return range.lowerBound / group..<range.lowerBound / group }
      let owners = range.lowerBound / group..<(range.upperBound - 1) / group + 1
      guard owners.count == 1 || range.count == owners.count * group else {
        throw ShardingError.invalidPartition(
          "query heads \(range) at rank \(rank) of \(heads); a rank has whole groups, or a part of one")
      }
      return owners
    }
    self.heads = heads
    self.queryHeads = queryHeads
  }

  /// What `rank` has of the heads.
  public func local(_ rank: Int) throws -> AttentionHeads {
    try AttentionHeads(
      queryHeads: queryHeads.counts[rank], kvHeads: kvHeads[rank].count, keySize: heads.keySize,
      valueSize: heads.valueSize)
  }

  /// The cut of the queries' columns.
  public var queries: Partition { get throws { try scaled(queryHeads.borders, heads.keySize) } }
  /// The cut of the result's columns.
  public var results: Partition { get throws { try scaled(queryHeads.borders, heads.valueSize) } }
  /// The cut of the keys' columns, with copies.
  public var keys: Partition { get throws { try scaled(kvBorders, heads.keySize) } }
  /// The cut of the values' columns, with copies.
  public var values: Partition { get throws { try scaled(kvBorders, heads.valueSize) } }

  /// The rows of a weight that makes keys, kvHeads · keySize of them, once for each rank that needs them.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for another number of rows.
  public func keyRows<Source: MatrixSource>(_ source: Source) throws -> RepeatedRows<Source> {
    try RepeatedRows(source, parts: kvHeads, of: heads.keySize)
  }

  /// The same of a weight that makes values.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for another number of rows.
  public func valueRows<Source: MatrixSource>(_ source: Source) throws -> RepeatedRows<Source> {
    try RepeatedRows(source, parts: kvHeads, of: heads.valueSize)
  }

  /// The columns of a bias of keys, once for each rank that needs them.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for another number of columns.
  public func keyColumns<Source: MatrixSource>(_ source: Source) throws -> RepeatedColumns<Source> {
    try RepeatedColumns(source, parts: kvHeads, of: heads.keySize)
  }

  /// The same of a bias of values.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for another number of columns.
  public func valueColumns<Source: MatrixSource>(_ source: Source) throws -> RepeatedColumns<Source> {
    try RepeatedColumns(source, parts: kvHeads, of: heads.valueSize)
  }

  private var kvBorders: [Int] { kvHeads.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) } }

  private func scaled(_ borders: [Int], _ size: Int) throws -> Partition {
    try .fromBorders(borders.map { try checkedProduct($0, size) })
  }

  /// The smallest unit of whole blocks with which leaves end where groups do as far as they can.
  private static func unit(_ heads: AttentionHeads, _ blockLength: Int) throws -> Int {
    guard blockLength >= 1 else {
      throw ShardingError.invalidPartition("heads in blocks of \(blockLength) columns; 1 or more are possible")
    }
    return leastCommonMultiple(unitHeads(heads) * heads.valueSize, blockLength)
  }

  private static func unitHeads(_ heads: AttentionHeads) -> Int {
    let (kv, group, leaves) = (heads.kvHeads, max(1, heads.group), SumOrder.leafCount)
    // Then leaves of single heads end with every group, or with every eighth of them.
    if kv == 0 || leaves.isMultiple(of: kv) || kv.isMultiple(of: leaves) { return 1 }
    if kv > leaves { return group }
    return (1...group).first { group.isMultiple(of: $0) && kv * group / $0 <= leaves } ?? group
  }

  /// Where heads can be cut: at the borders of the leaves of the output's sum.
  private static func cuts(_ heads: AttentionHeads, unit: Int) -> [Int] {
    let order = SumOrder(length: heads.resultColumns, unit: unit)
    let borders = Set((0...SumOrder.leafCount).map(order.border))
    return borders.filter { $0.isMultiple(of: heads.valueSize) }.map { $0 / heads.valueSize }.sorted()
  }

  /// Cuts nearest to `shares`: between groups, and where ranks outnumber what can be cut so, within groups too.
  private static func borders(_ heads: AttentionHeads, _ cuts: [Int], shares: [Double]) -> [Int] {
    let between = cuts.filter { $0.isMultiple(of: max(1, heads.group)) }
    let (ranks, stretches) = (shares.count - 1, between.count - 1)
    func nearest(_ ideal: Double, _ cuts: [Int]) -> Int {
      cuts.min { abs(Double($0) - ideal) < abs(Double($1) - ideal) } ?? 0
    }
    if stretches == 0 || ranks <= stretches { return shares.map { nearest($0 * Double(heads.queryHeads), between) } }
    // Consecutive ranks share each stretch between two cuts, so that each stretch has at least one of them.
    var owners = [[Int]](repeating: [], count: stretches)
    var owner = 0
    for rank in 0..<ranks {
      let middle = (shares[rank] + shares[rank + 1]) / 2 * Double(heads.queryHeads)
      let wanted = between.dropFirst().filter { Double($0) <= middle }.count
      let next = rank == 0 ? 0 : min(owner + 1, wanted)
      owner = max(owner, next, stretches - (ranks - rank))
      owners[owner].append(rank)
    }
    var borders = [0]
    for (stretch, ranks) in owners.enumerated() {
      let (first, last) = (between[stretch], between[stretch + 1])
      // A part of one group goes with no other group.
      let inside = last - first > heads.group ? [first, last] : cuts.filter { (first...last).contains($0) }
      let (start, whole) = (shares[ranks[0]], shares[ranks[ranks.count - 1] + 1] - shares[ranks[0]])
      for rank in ranks.dropLast() {
        let part = whole > 0 ? (shares[rank + 1] - start) / whole : 1
        borders.append(nearest(Double(first) + part * Double(last - first), inside))
      }
      borders.append(last)
    }
    return borders
  }
}
