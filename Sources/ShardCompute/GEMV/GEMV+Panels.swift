// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// Products with few rows, which are bound by reading the weight.
enum GEMV {
  /// The most rows that cost one reading of the weight.
  static let maximumRows = 8
}

extension GEMV {
  /// Why `product` is not one for few rows, on any device.
  static func refusal(_ product: Product) -> String? {
    if product.m > maximumRows { return "\(product.m) rows, at most \(maximumRows)" }
    if product.a.columnStride != 1, product.k > 1 { return "A is not row-major" }
    return nil
  }

  /// `gemv/panels`: the panels of `gemm/packed`, each weight read once, for CPU devices.
  enum Panels: ProductKernel {
    static let name = "gemv/panels"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .cpu { return "made for CPU devices" }
      return GEMV.refusal(product)
    }

    static func launch(_ product: Product, on device: OpenCLDevice) throws {
      let options = device.tiles.options(rows: rowsMacro(product), product.weight.elementType)
      let kernel = try device.library.kernel(name, options: options)
      // Several groups a core, so that the cores end together; a launch of a group costs under a microsecond.
      let panels = max(1, product.weight.panelCount / (8 * device.capabilities.computeUnits))
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(global: [(product.weight.panelCount + panels - 1) / panels], local: [1]),
        arguments: product.sizeArguments + [.int(Int32(panels)), .float(product.alpha), .float(product.beta)]
          + (try vectorArguments(product, on: device)))
    }
  }
}
