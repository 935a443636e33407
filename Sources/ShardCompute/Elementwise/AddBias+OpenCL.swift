// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues the addition of `bias` to every row of `matrix`: `elementwise/add_bias`.
  public func addBias(_ bias: MatrixView, to matrix: MatrixView) throws {
    try matrix.checkBias(bias)
    guard matrix.rows > 0, matrix.columns > 0 else { return }
    guard max(matrix.rows, matrix.columns) <= Int(Int32.max) - 64 else {
      throw ComputeError.unsupported("a matrix of \(matrix.rows) × \(matrix.columns); kernels count in 31 bits")
    }
    let width = min(64, capabilities.maximumWorkGroupSize)
    let groups = (matrix.columns + 4 * width - 1) / (4 * width)
    try library.kernel("elementwise/add_bias", options: []).launch(
      on: queue, size: LaunchSize(global: [groups * width, matrix.rows], local: [width, 1]),
      arguments: [
        .int(Int32(matrix.rows)), .int(Int32(matrix.columns)), .buffer(try buffer(bias.memory)),
        .long(Int64(bias.offset)), .buffer(try buffer(matrix.memory)), .long(Int64(matrix.offset)),
        .long(Int64(matrix.rowStride)),
      ])
  }
}
