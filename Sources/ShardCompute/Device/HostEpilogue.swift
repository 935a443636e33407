// SPDX-License-Identifier: Apache-2.0
import CShardHost

/// An epilogue as the CPU fallback's loops take it; keeps its operands alive in the commands that capture it.
struct HostEpilogue: Sendable {
  private let bias: HostDevice.Bytes?
  private let residual: HostDevice.Bytes?
  private let ldr: Int
  private let activation: shard_host_function
  private let isGated: Bool

  init(_ epilogue: Epilogue, on device: HostDevice) throws {
    bias = try epilogue.bias.map(device.elements)
    residual = try epilogue.residual.map(device.elements)
    ldr = epilogue.residual?.rowStride ?? 0
    activation = epilogue.activation.hostFunction
    isGated = epilogue.isGated
  }

  /// The steps, valid while this value is.
  var steps: shard_host_epilogue {
    shard_host_epilogue(
      activation: activation, gated: isGated, bias: UnsafePointer(bias?.address.assumingMemoryBound(to: Float.self)),
      residual: UnsafePointer(residual?.address.assumingMemoryBound(to: Float.self)), ldr: ldr)
  }
}

extension Epilogue.Activation {
  /// The activation of `x`: the bits that every device gives it.
  public func callAsFunction(_ x: Float) -> Float {
    var result: Float = 0
    withUnsafePointer(to: x) { shard_host_apply(hostFunction, $0, &result, 1) }
    return result
  }

  var hostFunction: shard_host_function {
    switch self {
    case .none: .none
    case .relu: .relu
    case .reluSquared: .reluSquared
    case .silu: .silu
    case .gelu: .gelu
    case .geluTanh: .geluTanh
    }
  }
}
