// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/dots`: integer dot products of four at a time, for weights of Q8_0 on GPUs.
  enum Dots: SquareTileKernel {
    static let name = "gemm/dots"
    static let formats: [WeightFormat] = [.q8_0]
    /// Neither side a multiple of a tile, an odd number of blocks.
    static let probeShape = (m: 70, n: 137, k: 160)

    static func workGroup(tile: Int) -> [Int] { [16, 16] }

    static func missingInstructions(of device: OpenCLDevice) -> String? {
      instruction(of: device) == .none ? "no cl_khr_integer_dot_product" : nil
    }

    static func options(_ format: WeightFormat, on device: OpenCLDevice) -> [String] { instruction(of: device).options }

    /// No node of a sum cuts a block.
    static func unit(_ format: WeightFormat) -> Int { format.blockLength }

    /// 8 bits in blocks of 32 (`gemm/quantise`).
    static func rounded(_ a: MatrixView, _ weight: Weight, on device: OpenCLDevice) throws -> RoundedActivations {
      let width = weight.panelWidth
      let kernel = try device.library.kernel("gemm/quantise", options: ["-DWIDTH=\(width)"])
      let (panelCount, blocks) = ((a.rows + width - 1) / width, (a.columns + 31) / 32)
      let words = try checkedProduct(panelCount, blocks, width, 8)
      let result = RoundedActivations(
        panels: try device.buffer(
          device.workspace.memory(.activations, byteCount: checkedProduct(4, words), allocate: device.allocate)),
        scales: try device.buffer(
          device.workspace.memory(.scales, byteCount: words / 2, allocate: device.allocate)))
      try kernel.launch(
        on: device.queue, size: LaunchSize(global: [4 * width * blocks, panelCount], local: [4 * width, 1]),
        arguments: [
          .int(Int32(a.rows)), .int(Int32(a.columns)), .buffer(try device.buffer(a.memory)), .long(Int64(a.offset)),
          .long(Int64(a.rowStride)), .long(Int64(a.columnStride)), .buffer(result.panels), .buffer(result.scales),
        ])
      return result
    }

    /// Half a step of 1/127 of the largest activation of each block, and a little for the division.
    static func roundingError(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat) -> Double {
      stride(from: 0, to: a.count, by: format.blockLength).reduce(0) { sum, first in
        let sums = Magnitudes(
          a.dropFirst(first).prefix(format.blockLength), w.dropFirst(first).prefix(format.blockLength))
        return sum + sums.largest * sums.weights / 253
      }
    }

    /// Where a device has the instruction.
    private enum Instruction {
      case none
      /// AMD's compiler makes it of plain C.
      case compiler
      case extension30, ptx

      var options: [String] {
        switch self {
        case .none, .compiler: ["-DDOT=0"]
        case .extension30: ["-DDOT=1", "-cl-std=CL3.0"]
        case .ptx: ["-DDOT=2"]
        }
      }
    }

    private static func instruction(of device: OpenCLDevice) -> Instruction {
      if device.isNVIDIA { return .ptx }
      if device.extensions.contains("cl_khr_integer_dot_product") { return .extension30 }
      return device.extensions.contains { $0.hasPrefix("cl_amd_") } ? .compiler : .none
    }
  }
}
