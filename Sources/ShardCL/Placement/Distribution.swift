// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A placement with its particulars: which part, or which addends, each rank holds.
public enum Distribution: Hashable, Sendable {
  /// Every rank holds everything.
  case replicate
  /// Every rank holds its part of an axis.
  case shard(Int, Partition)
  /// Every rank holds the sum of a run of leaves, as the complete subtrees that cover it; the runs make up all leaves.
  case partial([Range<Int>])
  /// Every rank holds nodes of an attention whose keys are cut over the ranks.
  case attention(AttentionNodes)
  /// Every rank holds one addend, that of rank r being leaf r of the sum: of a look-up, where all but one are zeros.
  case addends

  /// The placement alone.
  public var placement: Placement {
    switch self {
    case .replicate: .replicate
    case .shard(let axis, _): .shard(axis)
    case .partial, .addends, .attention: .partial
    }
  }

  /// The cut of the axis; nil unless the placement is `.shard`.
  public var partition: Partition? {
    if case .shard(_, let partition) = self { partition } else { nil }
  }

  /// The distribution of a tensor of `rows` × `columns` over `ranks` ranks; `.shard` is even unless `partition` is
  /// given, `.partial` has the whole sum at rank 0 and nothing elsewhere.
  ///
  /// - Throws: `ShardingError` where axis or partition do not belong to the tensor.
  public init(_ placement: Placement, rows: Int, columns: Int, ranks: Int, partition: Partition? = nil) throws {
    guard case .shard(let axis) = placement else {
      guard partition == nil else {
        throw ShardingError.partitionMismatch("a partition for \(placement); only .shard is cut")
      }
      self =
        placement == .replicate
        ? .replicate : .partial([SumOrder.allLeaves] + Array(repeating: 0..<0, count: max(0, ranks - 1)))
      return
    }
    guard axis == 0 || axis == 1 else {
      throw ShardingError.shapeMismatch("axis \(axis) of a tensor of \(rows) × \(columns); 0 and 1 are possible")
    }
    self = .shard(axis, try partition ?? .even(axis == 0 ? rows : columns, parts: ranks))
    try check(rows: rows, columns: columns, ranks: ranks)
  }

  /// Throws unless there is a part, or a run of leaves, for each rank, and they make up the whole.
  func check(rows: Int, columns: Int, ranks: Int) throws {
    switch self {
    case .replicate, .addends: break
    case .shard(let axis, let partition):
      let length = axis == 0 ? rows : columns
      guard axis == 0 || axis == 1, partition.length == length, partition.parts == ranks else {
        throw ShardingError.partitionMismatch(
          "\(partition.parts) parts \(partition) of axis \(axis), which has length \(length), on \(ranks) ranks")
      }
    case .partial(let runs):
      let owned = runs.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
      let begins = owned.map(\.lowerBound) + [SumOrder.allLeaves.upperBound]
      guard runs.count == ranks, begins == [SumOrder.allLeaves.lowerBound] + owned.map(\.upperBound) else {
        throw ShardingError.partitionMismatch(
          "leaves \(runs) on \(ranks) ranks; a run for each, together \(SumOrder.allLeaves)")
      }
    case .attention(let nodes):
      guard columns == nodes.heads.resultColumns else {
        throw ShardingError.shapeMismatch("\(columns) columns for an attention of \(nodes.heads)")
      }
    }
  }

  /// The rows and columns of a `rows` × `columns` matrix that `rank` holds.
  func block(of rank: Int, rows: Int, columns: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    switch self {
    case .replicate, .partial, .addends, .attention: (0..<rows, 0..<columns)
    case .shard(0, let partition): (partition.range(of: rank), 0..<columns)
    case .shard(_, let partition): (0..<rows, partition.range(of: rank))
    }
  }

  /// The addends that `rank` holds; one for a tensor that is not a sum.
  func nodes(of rank: Int) -> [SumNode] {
    switch self {
    case .partial(let runs): SumNode.covering(runs[rank])
    case .addends: [.leaf(rank)]
    case .replicate, .shard, .attention: SumNode.covering(SumOrder.allLeaves)
    }
  }
}

extension Distribution: CustomStringConvertible {
  /// The placement and its particulars, such as `.shard(1) in parts of [3, 2, 3]`.
  public var description: String {
    switch self {
    case .replicate: "\(placement)"
    case .shard(_, let partition): "\(placement) in parts of \(partition)"
    case .partial(let runs): "\(placement) with leaves \(runs)"
    case .attention: "\(placement) of an attention"
    case .addends: "\(placement) with an addend on each rank"
    }
  }
}
