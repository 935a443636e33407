// SPDX-License-Identifier: Apache-2.0

extension GEMM {
  /// Every kernel for products, the first that does not refuse runs.
  static let kernels: [any ProductKernel.Type] = [GEMV.Panels.self, Packed.self, GEMV.Lanes.self, Tiled.self]

  /// The kernel that runs `product` on `device`.
  ///
  /// - Throws: `ComputeError.unsupported` with every refusal where there is none.
  static func kernel(for product: Product, on device: OpenCLDevice) throws -> any ProductKernel.Type {
    var refusals: [String] = []
    for kernel in kernels {
      guard let refusal = kernel.refusal(product, on: device) else { return kernel }
      refusals.append("\(kernel.name): \(refusal)")
    }
    throw ComputeError.unsupported(
      "\(product.m)x\(product.n)x\(product.k) \(product.weight.elementType) on \(device.name): "
        + refusals.joined(separator: "; "))
  }
}

extension OpenCLDevice {
  /// Enqueues a product.
  public func multiply(_ product: Product) throws {
    guard product.m > 0, product.n > 0, !product.weight.leaves.isEmpty else { return }
    try product.checkPanels(on: self)
    let largest = [product.m, product.n, product.weight.order.length, product.weight.order.unit].max() ?? 0
    guard largest <= Int(Int32.max) - 64 else {
      throw ComputeError.unsupported("a product with a dimension of \(largest); kernels count in 31 bits")
    }
    let kernel = try GEMM.kernel(for: product, on: self)
    try workspace.together { try kernel.launch(product, on: self) }
  }
}
