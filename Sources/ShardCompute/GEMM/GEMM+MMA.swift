// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/mma`: the matrix units of NVIDIA GPUs.
  enum MMA: SquareTileKernel {
    static let name = "gemm/mma"
    static let formats: [WeightFormat] = [.f16, .bf16]

    /// Four warps, two by two: 64 × 64 sums for each, or 32 × 32 where that fills more compute units.
    static func workGroup(tile: Int) -> [Int] { [32, 4] }

    static func missingInstructions(of device: OpenCLDevice) -> String? {
      device.isNVIDIA ? nil : "made for NVIDIA's matrix units"
    }

    static func options(_ format: WeightFormat, on device: OpenCLDevice) -> [String] {
      ["-DB_TYPE=\(format.kernelName)", "-DMMA_PTX=\(device.isNVIDIA ? 1 : 0)"]
    }

    static func rounded(_ a: MatrixView, _ weight: Weight, on device: OpenCLDevice) throws -> RoundedActivations {
      try roundedPairs(a, weight, top: 15, on: device)
    }

    /// One rounding of each activation, and what is lost below the smallest f16 of a row scaled to 2¹⁴ … 2¹⁵.
    static func roundingError(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat) -> Double {
      let sums = Magnitudes(a, w)
      return format == .f16 ? 0x1p-11 * sums.terms + 0x1p-39 * sums.largest * sums.weights : 0x1p-8 * sums.terms
    }
  }
}
