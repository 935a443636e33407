// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// The ways to run a product on an OpenCL device, one nested type for each kernel.
enum GEMM {}

/// A kernel for products: when it fits, which parameters it has and how it is launched.
protocol ProductKernel: SendableMetatype {
  /// The kernel's tunables, under its own names; `NoParameters` for a kernel without.
  associatedtype Parameters: Hashable & Codable & Sendable
  /// Path of the kernel below `Kernels/`, its name everywhere.
  static var name: String { get }
  /// Whether results have the bits of the one order of addition; a kernel without runs only where that was asked for.
  static var keepsOrder: Bool { get }
  /// Why the kernel does not run `product` on `device`; nil where it does.
  static func refusal(_ product: Product, on device: OpenCLDevice) -> String?
  /// The parameters where nothing was measured.
  static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters
  /// Why the kernel cannot run `product` with `parameters`; nil where it can. All that it can run with, at any size, give
  /// the same bits.
  static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String?
  /// What `shardcl tune` may change, and the values worth a try for `product`.
  static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>]
  /// Enqueues the product as `parameters` say; sizes are positive and fit 31 bits.
  static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws
}

extension ProductKernel {
  static var keepsOrder: Bool { true }
  static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? { nil }
  static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] { [] }

  /// Every set of parameters worth a try that is not refused, the formula's first.
  static func candidates(_ product: Product, on device: OpenCLDevice) -> [Parameters] {
    var candidates = [formula(product, on: device)]
    for tunable in tunables(product, on: device) { candidates = candidates.flatMap(tunable.variants) }
    return candidates.filter { refusal(of: $0, product, on: device) == nil }
  }

  /// Enqueues the product with the parameters that were measured for such products, else with the formula's.
  static func launch(_ product: Product, on device: OpenCLDevice) throws {
    try launch(product, choice(product, on: device).parameters, on: device)
  }
}

/// The parameters of a kernel without any.
struct NoParameters: Hashable, Codable, Sendable {}

extension GEMM {
  /// What kernels for weights of elements say to `format`.
  static func refusal(ofBlocks format: WeightFormat) -> String? {
    format.isQuantised ? "made for weights of elements, not blocks of \(format.rawValue)" : nil
  }

  /// Why a device cannot run such a work-group; nil where it can.
  static func refusal(ofWorkGroup size: [Int], _ capabilities: Capabilities) -> String? {
    guard size.reduce(1, *) > capabilities.maximumWorkGroupSize else { return nil }
    return "work-groups of \(size), the device has at most \(capabilities.maximumWorkGroupSize) work-items"
  }
}

extension Product {
  /// Sizes that every product kernel takes first: m, n, k and unit of the whole sum, and the leaves that are here.
  var sizeArguments: [KernelArgument] {
    [
      .int(Int32(m)), .int(Int32(n)), .int(Int32(weight.order.length)), .int(Int32(weight.order.unit)),
      .int(Int32(weight.leaves.lowerBound)), .int(Int32(weight.leaves.upperBound)),
    ]
  }

  /// What every product kernel takes for C: memory, offset, leading dimension, stride of nodes, in elements; then the
  /// strides of a batch (`common/batch`), `aStride` that of A where the kernel reads it.
  func resultArguments(_ buffer: Buffer, aStride: Int) -> [KernelArgument] {
    let weightStride = weight.matrices == 1 ? 0 : weight.matrixStride
    let batch = SIMD4(aStride, weightStride, cStride, weight.firstElement)
    return [
      .buffer(buffer), .long(Int64(c.offset)), .long(Int64(c.rowStride)), .long(Int64(nodeStride)),
      .long4(SIMD4(truncatingIfNeeded: batch)),
    ]
  }
}

extension ElementType {
  /// What kernels call the type: a word for `-D`.
  var kernelName: String { rawValue.uppercased() }
}
