// SPDX-License-Identifier: Apache-2.0
import ShardCollectives

/// Sizes and bandwidths are those of nccl-tests,
/// https://github.com/NVIDIA/nccl-tests/blob/master/doc/PERFORMANCE.md.
extension CollectiveOperation {
  /// Those that move data, and so have a bandwidth.
  public static let measured = allCases.filter { $0 != .barrier }

  /// Whether an output may be the elements of an input.
  public var worksInPlace: Bool { self != .allToAll && self != .barrier }

  /// Whether its size is that of one piece for each rank, so that its count is a piece's.
  public var isCut: Bool {
    switch self {
    case .allReduce, .reduce, .broadcast, .barrier: false
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
    case .barrier: 0
    }
  }
}
