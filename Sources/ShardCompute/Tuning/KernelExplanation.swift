// SPDX-License-Identifier: Apache-2.0

/// How a device runs a product: which kernel, with which parameters, and why no other.
package struct KernelExplanation: Hashable, Sendable {
  /// The kernel that runs; `unsupported` where none does.
  package let kernel: String
  /// Its parameters.
  package let parameters: ParameterValues
  /// Where they come from; nil where there is nothing to choose.
  package let origin: ParameterOrigin?
  /// What was asked for and is not done, and why: tuned parameters, reduced arithmetic.
  package let notes: [String]
  /// Every other kernel in the order of preference, with its reason.
  package let others: [Other]

  /// A kernel that does not run.
  package struct Other: Hashable, Sendable, Codable {
    package let kernel: String
    package let reason: String
  }
}

extension ComputeDevice {
  /// How this device runs `product`; the first piece of a weight that lies in several.
  package func explain(_ product: Product) throws -> KernelExplanation {
    guard let device = self as? OpenCLDevice, let piece = try product.pieces.first else {
      return KernelExplanation(
        kernel: kernelName(for: product), parameters: ParameterValues(), origin: nil, notes: product.orderNotes,
        others: [])
    }
    let chosen = try? GEMM.kernel(for: piece, on: device)
    let others = try GEMM.kernels.filter { $0.name != chosen?.name }.map { kernel in
      KernelExplanation.Other(
        kernel: kernel.name,
        reason: try GEMM.refusal(of: kernel, piece, on: device)
          ?? "could run it; \(chosen?.name ?? "another") is preferred")
    }
    guard let chosen else {
      return KernelExplanation(
        kernel: "unsupported", parameters: ParameterValues(), origin: nil, notes: [], others: others)
    }
    return try chosen.explanation(piece, on: device, others)
  }
}

extension ComputeDevice {
  /// How this device runs a product of `shape`; memory is allocated for it, not written.
  package func explain(_ shape: TuningShape) throws -> KernelExplanation {
    let order = SumOrder(length: shape.k, unit: shape.format.blockLength)
    let a = try MatrixView(allocate(byteCount: checkedProduct(4, shape.m, shape.k)), rows: shape.m, columns: shape.k)
    let c = try MatrixView(allocate(byteCount: checkedProduct(4, shape.m, shape.n)), rows: shape.m, columns: shape.n)
    return try explain(Product(a, Weight(on: self, rows: shape.n, order: order, format: shape.format), into: c))
  }
}

extension ProductKernel {
  fileprivate static func explanation(
    _ product: Product, on device: OpenCLDevice, _ others: [KernelExplanation.Other]
  ) throws -> KernelExplanation {
    let choice = choice(product, on: device)
    let values = try ParameterValues(choice.parameters)
    return KernelExplanation(
      kernel: name, parameters: values, origin: values.values.isEmpty ? nil : choice.origin,
      notes: (keepsOrder ? product.orderNotes : []) + choice.refusals + device.tuning.skipped, others: others)
  }
}

extension Product {
  /// What to say of the product where a kernel runs it that keeps the order of addition.
  fileprivate var orderNotes: [String] {
    arithmetic == .ordered
      ? [] : ["reduced arithmetic was allowed, but no kernel has it for this product here: ordered runs"]
  }
}
