// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// Activations rounded to 16 bits, in scratch memory that the next product overwrites.
  struct Pairs {
    /// Two neighbours along k in a word, in panels: what `gemm/pack_pairs` makes.
    let panels: Buffer
    /// The power of two that each row was divided by (`gemm/row_scales`).
    let scales: Buffer

    /// Enqueues the rounding of `a` (f32, any strides) to `type`, each row divided by a power of two that brings it below
    /// 2^`top`.
    init(_ a: MatrixView, _ type: WeightFormat, width: Int, top: Int, on device: OpenCLDevice) throws {
      let (m, k, pairs) = (a.rows, a.columns, (a.columns + 1) / 2)
      let measure = try device.library.kernel("gemm/row_scales", options: ["-DTOP=\(top)"])
      let round = try device.library.kernel(
        "gemm/pack_pairs", options: ["-DWIDTH=\(width)", "-DTYPE=\(type.kernelName)"])
      let panelCount = (m + width - 1) / width
      scales = try device.buffer(
        device.workspace.memory(.scales, byteCount: 4 * m, allocate: device.allocate))
      panels = try device.buffer(
        device.workspace.memory(
          .activations, byteCount: checkedProduct(4, panelCount, width, pairs), allocate: device.allocate))
      let source: [KernelArgument] = [
        .buffer(try device.buffer(a.memory)), .long(Int64(a.offset)), .long(Int64(a.rowStride)),
        .long(Int64(a.columnStride)),
      ]
      try measure.launch(
        on: device.queue, size: LaunchSize(global: [64 * m], local: [64]),
        arguments: [.int(Int32(k))] + source + [.buffer(scales)])
      try round.launch(
        on: device.queue, size: LaunchSize(global: [128 * ((pairs + 15) / 16), panelCount], local: [128, 1]),
        arguments: [.int(Int32(m)), .int(Int32(k))] + source + [.buffer(scales), .buffer(panels)])
    }
  }
}
