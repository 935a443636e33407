// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension Epilogue {
  /// Build options for a product kernel that stores vectors of `floats` (`common/epilogue`).
  func options(floats: Int) -> [String] {
    guard !isNone else { return [] }
    var options = ["-DEPILOGUE=1", "-DFUNCTION_LANES=\(floats)", "-DACTIVATION=\(activation.kernelName)"]
    if bias != nil { options.append("-DHAS_BIAS=1") }
    if isGated { options.append("-DGATED=1") }
    if residual != nil { options.append("-DHAS_RESIDUAL=1") }
    return options
  }

  /// The last arguments of a product kernel that is built with the options.
  func arguments(on device: OpenCLDevice) throws -> [KernelArgument] {
    guard !isNone else { return [] }
    let nothing = DeviceMemory(byteCount: 0, storage: .empty)
    return [
      .buffer(try device.buffer(bias?.memory ?? nothing)), .long(Int64(bias?.offset ?? 0)),
      .buffer(try device.buffer(residual?.memory ?? nothing)), .long(Int64(residual?.offset ?? 0)),
      .long(Int64(residual?.rowStride ?? 0)), .long(Int64(biasStride)), .long(Int64(residualStride)),
    ]
  }
}

extension Epilogue.Activation {
  /// What kernels call it.
  var kernelName: String {
    switch self {
    case .none: "NONE"
    case .relu: "RELU"
    case .reluSquared: "RELU_SQUARED"
    case .silu: "SILU"
    case .gelu: "GELU"
    case .geluTanh: "GELU_TANH"
    }
  }
}
