// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMV {
  /// `gemv/block_lanes`: few rows times a quantised weight, a work-item for each column and leaf, for GPUs.
  enum BlockLanes: ProductKernel {
    static let name = "gemv/block_lanes"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if let refusal = GEMM.refusal(ofElements: product.weight.format) { return refusal }
      return GEMV.refusal(product) ?? Lanes.refusalOfWorkGroup(on: device)
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> NoParameters { NoParameters() }

    static func launch(_ product: Product, _ parameters: NoParameters, on device: OpenCLDevice) throws {
      let width = device.tiles.weightPanelWidth
      let kernel = try device.library.kernel(
        name,
        options: ["-DROWS=\(rowsMacro(product))", "-DNR=\(width)", "-DFORMAT=\(product.weight.format.kernelName)"]
          + product.epilogue.options(floats: 1))
      let sums = try device.groupSums(product)
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [product.weight.panelCount * width, SumOrder.leafCount, product.count],
          local: [width, SumOrder.leafCount, 1]),
        arguments: product.sizeArguments + [.float(product.alpha), .float(product.beta)]
          + (try vectorArguments(product, on: device, beside: [.buffer(sums)])))
    }
  }
}
