// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension ComputeDevice {
  /// Which kernel runs `product` here, such as `gemm/packed`; `unsupported` where none does.
  package func kernelName(for product: Product) -> String {
    guard let device = self as? OpenCLDevice else {
      return product.m <= Int(SHARD_HOST_GEMV_ROWS) ? "host/gemv" : "host/gemm"
    }
    return (try? GEMM.kernel(for: product, on: device))?.name ?? "unsupported"
  }
}
