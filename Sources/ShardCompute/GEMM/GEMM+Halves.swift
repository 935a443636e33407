// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/halves`: f16 arithmetic on GPUs without matrix units.
  enum Halves: SquareTileKernel {
    static let name = "gemm/halves"
    static let formats: [WeightFormat] = [.f16]
    /// Steps of k in one f16 sum.
    private static let run = 16

    static func workGroup(tile: Int) -> [Int] { [tile / 8, 16] }

    static func missingInstructions(of device: OpenCLDevice) -> String? {
      if device.isNVIDIA { return "made for GPUs without NVIDIA's matrix units" }
      return device.extensions.contains("cl_khr_fp16") ? nil : "no cl_khr_fp16"
    }

    static func options(_ format: WeightFormat, on device: OpenCLDevice) -> [String] {
      ["-DHALF_ARITHMETIC=\(device.extensions.contains("cl_khr_fp16") ? 1 : 0)"]
    }

    /// No run of terms reaches the largest f16: |a| < 1 / run.
    static func rounded(_ a: MatrixView, _ weight: Weight, on device: OpenCLDevice) throws -> RoundedActivations {
      try roundedPairs(a, weight, top: -run.trailingZeroBitCount, on: device)
    }

    /// One rounding of each activation and 16 of each run; what is lost below the smallest f16 of a row scaled to
    /// 2⁻⁵ … 2⁻⁴, at each step.
    static func roundingError(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat) -> Double {
      let sums = Magnitudes(a, w)
      return Double(run + 1) * 0x1p-11 * sums.terms
        + 0x1p-20 * sums.largest * (Double(a.count) + sums.weights)
    }
  }
}
