// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues the sums of the leaves of rows.
  public func sumLeaves(_ sums: LeafSums) throws {
    let x = sums.x
    guard x.rows > 0, x.columns > 0 else { return }
    try checkKernelSizes(x.rows, x.columns)
    let leaves = LeafSums.leaves(of: x.columns)
    let (from, nodes) = (try elements(of: x), try bytes(of: sums.nodes, 0, 0))
    enqueueParallel(x.rows * leaves, grain: 4) { range in
      var call = shard_host_leaves(
        n: x.columns, leaves: leaves, scale: sums.scale.factor, cap: sums.scale.cap, x: from.floats, ldx: x.rowStride,
        nodes: nodes.floats)
      shard_host_leaf_nodes(&call, range.lowerBound, range.upperBound)
    }
  }

  /// Enqueues the joins of leaves.
  public func joinLeaves(_ join: LogSumExp) throws {
    guard join.result.rows > 0 else { return }
    try checkKernelSizes(join.result.rows, join.leaves)
    let (nodes, result) = (try bytes(of: join.nodes, 0, 0), try elements(of: join.result))
    enqueueParallel(join.result.rows, grain: rowGrain(64 * max(1, join.leaves))) { rows in
      for row in rows {
        result.floats[row * join.result.rowStride] = shard_host_log_of_nodes(
          nodes.floats + row * 2 * join.leaves, join.leaves)
      }
    }
  }
}
