// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMV {
  /// `gemv/subgroups`: `gemv/lanes` with the activations read once by each sub-group, for Intel's GPUs.
  enum SubGroups: ProbedKernel {
    static let name = "gemv/subgroups"
    static let formats: [WeightFormat] = [.f32, .f16, .bf16]
    /// An odd row number, columns beside a panel, leaves that end beside a sub-group's steps.
    static let probeShape = (m: 3, n: 69, k: 1031)
    private static let extensions: Set = ["cl_intel_subgroups", "cl_intel_required_subgroup_size"]

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if !device.emulatesInstructions, !extensions.isSubset(of: device.extensions) {
        return "no \(extensions.subtracting(device.extensions).sorted().joined(separator: ", "))"
      }
      if let refusal = refusal(product.weight.format) ?? GEMV.refusal(product) { return refusal }
      if product.m < 2 { return "one row, whose activations are read as often as the weight" }
      if product.weight.panelWidth != 32 { return "panels of \(product.weight.panelWidth) rows, not 32" }
      let workGroup = product.weight.panelWidth * SumOrder.leafCount
      if workGroup > device.capabilities.maximumWorkGroupSize {
        return "work-groups of \(workGroup), the device has at most \(device.capabilities.maximumWorkGroupSize)"
      }
      return nil
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> NoParameters { NoParameters() }

    static func launch(_ product: Product, _ parameters: NoParameters, on device: OpenCLDevice) throws {
      let width = product.weight.panelWidth
      let isNative = extensions.isSubset(of: device.extensions)
      let kernel = try device.library.kernel(
        name,
        options: [
          "-DROWS=\(rowsMacro(product))", "-DB_TYPE=\(product.weight.format.kernelName)",
          "-DBROADCAST=\(isNative ? 1 : 0)",
        ])
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [product.weight.panelCount * width, SumOrder.leafCount, product.count],
          local: [width, SumOrder.leafCount, 1]),
        arguments: product.sizeArguments + [.float(product.alpha), .float(product.beta)]
          + (try vectorArguments(product, on: device)))
    }
  }
}
