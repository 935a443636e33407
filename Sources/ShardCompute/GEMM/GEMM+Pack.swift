// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/pack`: a matrix of any strides into panels.
  enum Pack {
    static let name = "gemm/pack"

    /// Enqueues the rearrangement of each matrix of `source` into panels of `width` rows, converted to `target`, from
    /// element `first` of `panels` on and `panelStride` elements behind the matrix before.
    static func launch(
      _ source: MatrixBatch, into panels: Buffer, at first: Int = 0, panelStride: Int, width: Int, target: ElementType,
      on device: OpenCLDevice
    ) throws {
      let matrix = source.first
      guard source.count > 0, matrix.rows > 0, matrix.columns > 0 else { return }
      let kernel = try device.library.kernel(
        name,
        options: ["-DWIDTH=\(width)", "-DSOURCE=\(matrix.elementType.kernelName)", "-DTARGET=\(target.kernelName)"])
      let panelCount = (matrix.rows + width - 1) / width
      // Steps of k that a work-item packs: on CPUs few enough that its part of a row-major source stays in cache.
      let chunk = device.capabilities.architecture == .gpu ? 4 : 256
      try kernel.launch(
        on: device.queue,
        size: device.size(items: [(matrix.columns + chunk - 1) / chunk, panelCount, source.count]),
        arguments: [
          .int(Int32(matrix.rows)), .int(Int32(matrix.columns)), .int(Int32(chunk)),
          .buffer(try device.buffer(matrix.memory)), .long(Int64(matrix.offset)), .long(Int64(matrix.rowStride)),
          .long(Int64(matrix.columnStride)), .long(Int64(source.stride)), .buffer(panels), .long(Int64(first)),
          .long(Int64(panelStride)),
        ])
    }
  }
}

extension OpenCLDevice {
  /// Enqueues the rearrangement of matrices into the panels of `weight`.
  public func pack(_ source: MatrixBatch, into weight: Weight) throws {
    try weight.checkSource(source)
    let elementType = source.first.elementType
    guard weight.matrices > 0, weight.rows > 0, weight.columns > 0 else { return }
    guard max(weight.matrices, weight.rows, weight.columns) <= Int(Int32.max) - 64 else {
      throw ComputeError.unsupported(
        "\(weight.matrices) matrices of \(weight.rows) × \(weight.columns); kernels count in 31 bits")
    }
    let stride = weight.matrixStride
    for first in Swift.stride(from: 0, to: source.count, by: Product.largestBatch) {
      try GEMM.Pack.launch(
        source.matrices(first..<min(first + Product.largestBatch, source.count)), into: try buffer(weight.memory),
        at: weight.firstElement + first * stride, panelStride: stride, width: weight.panelWidth, target: elementType,
        on: self)
    }
  }

  /// The activations of a product in panels of `width` rows, in scratch memory that the next product overwrites; how many
  /// elements lie from one product's to the next one's.
  func packedActivations(_ product: Product, width: Int) throws -> (buffer: Buffer, stride: Int) {
    let a = product.a
    let elements = try checkedProduct((a.rows + width - 1) / width, width, a.columns)
    guard elements > 0 else { return (try buffer(DeviceMemory(byteCount: 0, storage: .empty)), 0) }
    let batch = try MatrixBatch(a, count: product.aStride == 0 ? 1 : product.count, stride: product.aStride)
    let memory = try workspace.memory(
      .activations, byteCount: checkedProduct(batch.count, elements, 4), allocate: allocate)
    let panels = try buffer(memory)
    try GEMM.Pack.launch(batch, into: panels, panelStride: elements, width: width, target: .f32, on: self)
    return (panels, batch.count == 1 ? 0 : elements)
  }
}
