// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMV {
  /// `gemv/lanes`: a work-item for each column and leaf, for GPUs.
  enum Lanes: ProductKernel {
    static let name = "gemv/lanes"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if let refusal = GEMV.refusal(product) { return refusal }
      let workGroup = device.tiles.weightPanelWidth * SumOrder.leafCount
      if workGroup > device.capabilities.maximumWorkGroupSize {
        return "work-groups of \(workGroup), the device has at most \(device.capabilities.maximumWorkGroupSize)"
      }
      return nil
    }

    static func launch(_ product: Product, on device: OpenCLDevice) throws {
      let width = device.tiles.weightPanelWidth
      let kernel = try device.library.kernel(
        name,
        options: ["-DROWS=\(rowsMacro(product))", "-DNR=\(width)", "-DB_TYPE=\(product.weight.elementType.kernelName)"])
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [product.weight.panelCount * width, SumOrder.leafCount], local: [width, SumOrder.leafCount]),
        arguments: product.sizeArguments + [.float(product.alpha), .float(product.beta)]
          + (try vectorArguments(product, on: device)))
    }
  }

  /// The kernels are built for 1, 2, 4 and 8 rows.
  static func rowsMacro(_ product: Product) -> Int { [1, 2, 4].first { $0 >= product.m } ?? maximumRows }

  /// What both kernels take after α and β: X with offset and leading dimension, the weight, C.
  static func vectorArguments(_ product: Product, on device: OpenCLDevice) throws -> [KernelArgument] {
    [
      .buffer(try device.buffer(product.a.memory)), .long(Int64(product.a.offset)), .long(Int64(product.a.rowStride)),
      .buffer(try device.buffer(product.weight.memory)),
    ] + product.resultArguments(try device.buffer(product.c.memory))
  }
}
