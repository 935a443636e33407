// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMV {
  /// `gemv/lanes`: a work-item for each column and leaf, for GPUs.
  enum Lanes: ProductKernel {
    static let name = "gemv/lanes"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if let refusal = GEMM.refusal(ofBlocks: product.weight.format) { return refusal }
      return GEMV.refusal(product) ?? refusalOfWorkGroup(on: device)
    }

    /// Why the device cannot run a work-group of a panel and its leaves; nil where it can.
    static func refusalOfWorkGroup(on device: OpenCLDevice) -> String? {
      let workGroup = device.tiles.weightPanelWidth * SumOrder.leafCount
      if workGroup > device.capabilities.maximumWorkGroupSize {
        return "work-groups of \(workGroup), the device has at most \(device.capabilities.maximumWorkGroupSize)"
      }
      return nil
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> NoParameters { NoParameters() }

    static func launch(_ product: Product, _ parameters: NoParameters, on device: OpenCLDevice) throws {
      let width = device.tiles.weightPanelWidth
      let kernel = try device.library.kernel(
        name,
        options: ["-DROWS=\(rowsMacro(product))", "-DNR=\(width)", "-DB_TYPE=\(product.weight.format.kernelName)"]
          + product.epilogue.options(floats: 1))
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [product.weight.panelCount * width, SumOrder.leafCount, product.count],
          local: [width, SumOrder.leafCount, 1]),
        arguments: product.sizeArguments + [.float(product.alpha), .float(product.beta)]
          + (try vectorArguments(product, on: device)))
    }
  }

  /// The kernels are built for 1, 2, 4 and 8 rows.
  static func rowsMacro(_ product: Product) -> Int { [1, 2, 4].first { $0 >= product.m } ?? maximumRows }

  /// What these kernels take after α and β: X with offset and leading dimension, the weight and what belongs to it, C, the
  /// epilogue.
  static func vectorArguments(
    _ product: Product, on device: OpenCLDevice, beside weight: [KernelArgument] = []
  ) throws -> [KernelArgument] {
    [
      .buffer(try device.buffer(product.a.memory)), .long(Int64(product.a.offset)), .long(Int64(product.a.rowStride)),
      .buffer(try device.buffer(product.weight.memory)),
    ] + weight + product.resultArguments(try device.buffer(product.c.memory), aStride: product.aStride)
      + (try product.epilogue.arguments(on: device))
  }
}
