// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues a softmax: `softmax/rows`.
  public func softmax(_ softmax: Softmax) throws {
    let x = softmax.x
    guard x.rows > 0, x.columns > 0 else { return }
    try checkKernelSizes(x.rows, x.columns)
    let rows = rowLaunch(x.rows, elements: x.columns)
    try library.kernel("softmax/rows", options: rowOptions).launch(
      on: queue, size: rows.size,
      arguments: [
        .int(Int32(x.rows)), .int(Int32(x.columns)), .int(Int32(rows.run)), .int(Int32(softmax.queries ?? 0)),
        .int(softmax.lengths == nil ? 0 : 1), .float(softmax.scale.factor), .float(softmax.scale.cap),
      ] + matrixArguments(x) + matrixArguments(softmax.result) + indexArguments(softmax.lengths))
  }
}
