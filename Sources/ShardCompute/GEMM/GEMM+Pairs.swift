// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// Enqueues the rounding of `a` (f32, any strides) to the weight's 16-bit format: two neighbours along k in a word, in
  /// panels (`gemm/pack_pairs`), each row divided by a power of two that brings it below 2^`top` (`gemm/row_scales`).
  static func roundedPairs(
    _ a: MatrixView, _ weight: Weight, top: Int, on device: OpenCLDevice
  ) throws -> RoundedActivations {
    let (m, k, width, pairs) = (a.rows, a.columns, weight.panelWidth, (a.columns + 1) / 2)
    let measure = try device.library.kernel("gemm/row_scales", options: ["-DTOP=\(top)"])
    let round = try device.library.kernel(
      "gemm/pack_pairs", options: ["-DWIDTH=\(width)", "-DTYPE=\(weight.format.kernelName)"])
    let panelCount = (m + width - 1) / width
    let result = RoundedActivations(
      panels: try device.buffer(
        device.workspace.memory(
          .activations, byteCount: checkedProduct(4, panelCount, width, pairs), allocate: device.allocate)),
      scales: try device.buffer(
        device.workspace.memory(.scales, byteCount: 4 * m, allocate: device.allocate)))
    let source: [KernelArgument] = [
      .buffer(try device.buffer(a.memory)), .long(Int64(a.offset)), .long(Int64(a.rowStride)),
      .long(Int64(a.columnStride)),
    ]
    try measure.launch(
      on: device.queue, size: LaunchSize(global: [64 * m], local: [64]),
      arguments: [.int(Int32(k))] + source + [.buffer(result.scales)])
    try round.launch(
      on: device.queue, size: LaunchSize(global: [128 * ((pairs + 15) / 16), panelCount], local: [128, 1]),
      arguments: [.int(Int32(m)), .int(Int32(k))] + source + [.buffer(result.scales), .buffer(result.panels)])
    return result
  }
}
