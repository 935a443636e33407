// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/packed`: register tiles over packed panels, for CPU devices.
  enum Packed: ProductKernel {
    static let name = "gemm/packed"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .cpu { return "made for CPU devices" }
      return GEMM.refusal(ofBlocks: product.weight.format)
    }

    static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws {
      if let refusal = parameters.refusal(product, device.tiles, device.capabilities) {
        throw ComputeError.unsupported("\(name): \(refusal)")
      }
      let a = try device.packedActivations(product, width: parameters.rows)
      let kernel = try device.library.kernel(
        name,
        options: device.tiles.options(rows: parameters.rows, product.weight.format) + parameters.options
          + product.epilogue.options(floats: device.tiles.vector))
      let rowPanels = (product.m + parameters.rows - 1) / parameters.rows
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [
            (product.weight.panelCount + parameters.blockN - 1) / parameters.blockN,
            (rowPanels + parameters.blockM - 1) / parameters.blockM, product.count,
          ], local: [1, 1, 1]),
        arguments: product.sizeArguments + [
          .int(Int32(parameters.blockM)), .int(Int32(parameters.blockN)), .int(Int32(parameters.chunkK)),
          .float(product.alpha), .float(product.beta), .buffer(a.buffer),
          .buffer(try device.buffer(product.weight.memory)),
        ] + product.resultArguments(try device.buffer(product.c.memory), aStride: a.stride)
          + [.local(byteCount: parameters.localByteCount(product, device.tiles))]
          + (try product.epilogue.arguments(on: device)))
    }
  }
}
