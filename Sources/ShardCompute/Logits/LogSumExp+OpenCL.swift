// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues the sums of the leaves of rows: `logits/leaves`.
  public func sumLeaves(_ sums: LeafSums) throws {
    let x = sums.x
    guard x.rows > 0, x.columns > 0 else { return }
    try checkKernelSizes(x.rows, x.columns)
    let leaves = LeafSums.leaves(of: x.columns)
    try library.kernel("logits/leaves", options: rowOptions).launch(
      on: queue, size: LaunchSize(global: [x.rows * rowItems, leaves], local: [rowItems, 1]),
      arguments: [.int(Int32(x.columns)), .float(sums.scale.factor), .float(sums.scale.cap)]
        + matrixArguments(x) + [.buffer(try buffer(sums.nodes))])
  }

  /// Enqueues the joins of leaves: `logits/log_sums`.
  public func joinLeaves(_ join: LogSumExp) throws {
    guard join.result.rows > 0 else { return }
    try checkKernelSizes(join.result.rows, join.leaves)
    try library.kernel("logits/log_sums", options: []).launch(
      on: queue, size: size(items: [join.result.rows]),
      arguments: [.int(Int32(join.result.rows)), .long(Int64(join.leaves)), .buffer(try buffer(join.nodes))]
        + matrixArguments(join.result))
  }
}
