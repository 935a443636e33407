// SPDX-License-Identifier: Apache-2.0

/// A collective to measure, by the name that `--op` takes. Sizes and bandwidths are those of nccl-tests,
/// https://github.com/NVIDIA/nccl-tests/blob/master/doc/PERFORMANCE.md; rank 0 is the root.
public enum CollectiveOperation: String, CaseIterable, Hashable, Sendable, Codable {
  /// Every rank gets the sum.
  case allReduce = "all-reduce"
  /// The root gets the sum.
  case reduce
  /// Every rank gets a piece of the sum.
  case reduceScatter = "reduce-scatter"
  /// Every rank gets the pieces of all.
  case allGather = "all-gather"
  /// The root gets the pieces of all.
  case gather
  /// Every rank gets a piece of what the root has.
  case scatter
  /// Every rank gets what the root has.
  case broadcast
  /// Every rank gets a piece from each.
  case allToAll = "all-to-all"

  /// Whether an output may be the elements of an input.
  public var worksInPlace: Bool { self != .allToAll }

  /// Whether its size is that of one piece for each rank, so that its count is a piece's.
  public var isCut: Bool {
    switch self {
    case .allReduce, .reduce, .broadcast: false
    case .reduceScatter, .allGather, .gather, .scatter, .allToAll: true
    }
  }

  /// Bus bandwidth over algorithm bandwidth: the share of the size that has to cross the busiest link.
  public func busFactor(ranks: Int) -> Double {
    let others = Double(ranks - 1) / Double(ranks)
    return switch self {
    case .allReduce: 2 * others
    case .reduce, .broadcast: 1
    case .reduceScatter, .allGather, .gather, .scatter, .allToAll: others
    }
  }
}
