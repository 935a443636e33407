// SPDX-License-Identifier: Apache-2.0

extension GEMM {
  /// Every kernel for products, the first that does not refuse runs. Those that leave the order of addition come first:
  /// who allows them wants them.
  static let kernels: [any ProductKernel.Type] = [
    MMA.self, Dots.self, Halves.self, GEMV.SubGroups.self,
    GEMV.Panels.self, GEMV.Blocks.self, Packed.self, Blocks.self, GEMV.Lanes.self, GEMV.BlockLanes.self,
    Tiled.self, BlockTiles.self,
  ]

  /// The kernel that runs `product` on `device`.
  ///
  /// - Throws: `ComputeError.unsupported` with every refusal where there is none; `MissingKernel` where a kernel must be
  ///   tried first, and not on the calling thread.
  static func kernel(for product: Product, on device: OpenCLDevice) throws -> any ProductKernel.Type {
    var refusals: [String] = []
    for kernel in kernels {
      guard let refusal = try refusal(of: kernel, product, on: device) else { return kernel }
      refusals.append("\(kernel.name): \(refusal)")
    }
    throw ComputeError.unsupported(
      "\(product.m)x\(product.n)x\(product.k) \(product.weight.format) on \(device.name): "
        + refusals.joined(separator: "; "))
  }

  /// Why `kernel` does not run `product`; nil where it does.
  static func refusal(
    of kernel: any ProductKernel.Type, _ product: Product, on device: OpenCLDevice
  ) throws -> String? {
    if !kernel.keepsOrder, product.arithmetic == .ordered { return "leaves the order of addition" }
    if let refusal = kernel.refusal(product, on: device) { return refusal }
    guard let probed = kernel as? any ProbedKernel.Type else { return nil }
    if product.count > 1 || product.weight.firstElement > 0 { return "makes one product, not a batch" }
    if !product.epilogue.isNone { return "stores sums as they are, without an epilogue" }
    return try device.probes.refusal(of: probed, product.weight.format, on: device)
  }
}

extension OpenCLDevice {
  /// Enqueues a product.
  public func multiply(_ product: Product) throws {
    try multiply(product) { try GEMM.kernel(for: $0, on: self) }
  }

  private func multiply(_ product: Product, with choose: (Product) throws -> any ProductKernel.Type) throws {
    guard product.count > 0, product.m > 0, product.n > 0, !product.weight.leaves.isEmpty else { return }
    try product.checkPanels(on: self)
    let largest = [product.m, product.n, product.weight.order.length, product.weight.order.unit].max() ?? 0
    guard largest <= Int(Int32.max) - 64 else {
      throw ComputeError.unsupported("a product with a dimension of \(largest); kernels count in 31 bits")
    }
    for piece in try product.pieces {
      let kernel = try choose(piece)
      try workspace.together { try kernel.launch(piece, on: self) }
    }
  }

  /// Enqueues a product with the kernel called `name`, whichever would be chosen.
  ///
  /// - Throws: `ComputeError.unsupported` with the kernel's refusal.
  package func multiply(_ product: Product, with name: String) throws {
    try multiply(product) { product in
      guard let kernel = GEMM.kernels.first(where: { $0.name == name }) else {
        throw ComputeError.unsupported("there is no kernel \(name) for products")
      }
      if let refusal = try GEMM.refusal(of: kernel, product, on: self) {
        throw ComputeError.unsupported("\(name): \(refusal)")
      }
      return kernel
    }
  }
}
