// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/pack`: a matrix of any strides into panels.
  enum Pack {
    static let name = "gemm/pack"

    /// Enqueues the rearrangement of `source` into panels of `width` rows, converted to `target`, from element `first` of
    /// `panels` on.
    static func launch(
      _ source: MatrixView, into panels: Buffer, at first: Int = 0, width: Int, target: ElementType,
      on device: OpenCLDevice
    ) throws {
      guard source.rows > 0, source.columns > 0 else { return }
      let kernel = try device.library.kernel(
        name,
        options: ["-DWIDTH=\(width)", "-DSOURCE=\(source.elementType.kernelName)", "-DTARGET=\(target.kernelName)"])
      let panelCount = (source.rows + width - 1) / width
      // Steps of k that a work-item packs: on CPUs few enough that its part of a row-major source stays in cache.
      let chunk = device.capabilities.architecture == .gpu ? 4 : 256
      try kernel.launch(
        on: device.queue, size: LaunchSize(global: [(source.columns + chunk - 1) / chunk, panelCount], local: [1, 1]),
        arguments: [
          .int(Int32(source.rows)), .int(Int32(source.columns)), .int(Int32(chunk)),
          .buffer(try device.buffer(source.memory)), .long(Int64(source.offset)), .long(Int64(source.rowStride)),
          .long(Int64(source.columnStride)), .buffer(panels), .long(Int64(first)),
        ])
    }
  }
}

extension OpenCLDevice {
  /// Enqueues the rearrangement of a matrix into the panels of `weight`.
  public func pack(_ source: MatrixView, into weight: Weight) throws {
    try weight.checkSource(source)
    guard weight.rows > 0, weight.columns > 0 else { return }
    guard max(source.rows, source.columns) <= Int(Int32.max) - 64 else {
      throw ComputeError.unsupported("a matrix of \(source.rows) × \(source.columns); kernels count in 31 bits")
    }
    try GEMM.Pack.launch(
      source, into: try buffer(weight.memory), at: weight.firstByte / source.elementType.byteCount,
      width: weight.panelWidth,
      target: source.elementType, on: self)
  }

  /// A in panels of `width` rows, in scratch memory that the next product overwrites.
  func packedActivations(_ a: MatrixView, width: Int) throws -> Buffer {
    let byteCount = try checkedProduct((a.rows + width - 1) / width, width, a.columns, 4)
    guard byteCount > 0 else { return try buffer(DeviceMemory(byteCount: 0, storage: .empty)) }
    let memory = try workspace.memory(.activations, byteCount: byteCount, allocate: allocate)
    let panels = try buffer(memory)
    try GEMM.Pack.launch(a, into: panels, width: width, target: .f32, on: self)
    return panels
  }
}
