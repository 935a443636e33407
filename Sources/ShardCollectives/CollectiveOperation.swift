// SPDX-License-Identifier: Apache-2.0

/// What ranks do together, by its name in the tools.
public enum CollectiveOperation: String, CaseIterable, Hashable, Sendable, Codable {
  /// Joins addends and gives every rank the result.
  case allReduce = "all-reduce"
  /// Joins addends and gives the root the result.
  case reduce
  /// Joins addends and gives each rank its piece of the result.
  case reduceScatter = "reduce-scatter"
  /// Gives every rank the pieces of all.
  case allGather = "all-gather"
  /// Gives the root the pieces of all.
  case gather
  /// Gives each rank its piece of what the root has.
  case scatter
  /// Gives every rank what the root has.
  case broadcast
  /// Sends a run from each rank to each.
  case allToAll = "all-to-all"
  /// Holds ranks until all are there.
  case barrier
}
