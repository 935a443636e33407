// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// The ways to run a product on an OpenCL device, one nested type for each kernel.
enum GEMM {}

/// A kernel for products: when it fits and how it is launched.
protocol ProductKernel: SendableMetatype {
  /// Path of the kernel below `Kernels/`, its name everywhere.
  static var name: String { get }
  /// Why the kernel does not run `product` on `device`; nil where it does.
  static func refusal(_ product: Product, on device: OpenCLDevice) -> String?
  /// Enqueues the product; sizes are positive and fit 31 bits.
  static func launch(_ product: Product, on device: OpenCLDevice) throws
}

extension Product {
  /// Sizes that every product kernel takes first: m, n, k and unit of the whole sum, and the leaves that are here.
  var sizeArguments: [KernelArgument] {
    [
      .int(Int32(m)), .int(Int32(n)), .int(Int32(weight.order.length)), .int(Int32(weight.order.unit)),
      .int(Int32(weight.leaves.lowerBound)), .int(Int32(weight.leaves.upperBound)),
    ]
  }

  /// What every product kernel takes for C: memory, offset, leading dimension, stride of nodes, in elements.
  func resultArguments(_ buffer: Buffer) -> [KernelArgument] {
    [.buffer(buffer), .long(Int64(c.offset)), .long(Int64(c.rowStride)), .long(Int64(nodeStride))]
  }
}

extension ElementType {
  /// What kernels call the type: a word for `-D`.
  var kernelName: String { rawValue.uppercased() }
}
