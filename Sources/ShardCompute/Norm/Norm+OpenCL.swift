// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues a norm: `norm/rows`.
  public func normalise(_ norm: Norm) throws {
    guard norm.rows > 0, norm.headSize > 0 else { return }
    try checkKernelSizes(norm.rows, norm.headSize)
    let rows = rowLaunch(norm.rows, elements: norm.headSize)
    let steps =
      (norm.kind == .layer ? 1 : 0) | (norm.delta == nil ? 0 : 2) | (norm.weight == nil ? 0 : 4)
      | (norm.bias == nil ? 0 : 8)
    try library.kernel("norm/rows", options: rowOptions).launch(
      on: queue, size: rows.size,
      arguments: [
        .int(Int32(norm.rows)), .int(Int32(norm.headSize)), .int(Int32(norm.heads)), .int(Int32(rows.run)),
        .int(Int32(steps)), .float(norm.inverseCount), .float(norm.epsilon), .float(norm.weightOffset),
      ] + matrixArguments(norm.x) + matrixArguments(norm.delta) + rowArguments(norm.weight) + rowArguments(norm.bias)
        + matrixArguments(norm.result))
  }
}
