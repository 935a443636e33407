// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/dots`: integer dot products of four at a time, for weights of Q8_0 on GPUs.
  enum Dots: ProbedKernel {
    static let name = "gemm/dots"
    static let keepsOrder = false
    static let formats: [WeightFormat] = [.q8_0]
    /// Neither side a multiple of a tile, an odd number of blocks.
    static let probeShape = (m: 70, n: 137, k: 160)
    static var forms: [@Sendable (Product, OpenCLDevice) throws -> Void] {
      TileSide.all.map { side in { try launch($0, side, on: $1) } }
    }

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if let refusal = refusal(product.weight.format) { return refusal }
      if instruction(of: device) == .none, !device.emulatesInstructions { return "no cl_khr_integer_dot_product" }
      if product.m <= GEMV.maximumRows { return "\(product.m) rows, which are bound by reading the weight" }
      if product.weight.panelWidth != 32 { return "panels of \(product.weight.panelWidth) rows, not 32" }
      if device.capabilities.maximumWorkGroupSize < 256 {
        return "work-groups of 256, the device has at most \(device.capabilities.maximumWorkGroupSize)"
      }
      return nil
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> TileSide {
      TileSide(tile: product.tileSide(on: device))
    }

    static func refusal(of parameters: TileSide, _ product: Product, on device: OpenCLDevice) -> String? {
      parameters.refusal
    }

    static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<TileSide>] {
      [Tunable(TileSide.all) { $0 = $1 }]
    }

    /// One launch for each node of the sum: inside a node the order is free, and no node cuts a block.
    static func launch(_ product: Product, _ parameters: TileSide, on device: OpenCLDevice) throws {
      let tile = parameters.tile
      let kernel = try device.library.kernel(
        name, options: ["-DTILE_M=\(tile)", "-DTILE_N=\(tile)"] + instruction(of: device).options)
      let block = product.weight.format.blockLength
      for node in product.nodeTerms {
        let a = try Quantised(product.a.columns(node.terms), width: product.weight.panelWidth, on: device)
        try kernel.launch(
          on: device.queue,
          size: LaunchSize(
            global: [16 * ((product.n + tile - 1) / tile), 16 * ((product.m + tile - 1) / tile)], local: [16, 16]),
          arguments: [
            .int(Int32(product.m)), .int(Int32(product.n)), .int(Int32(product.k / block)),
            .int(Int32(node.terms.lowerBound / block)), .int(Int32(node.terms.count / block)), .float(product.alpha),
            .float(product.beta), .buffer(a.panels), .buffer(a.scales),
            .buffer(try device.buffer(product.weight.memory)), .buffer(try device.buffer(product.c.memory)),
            .long(Int64(node.offset)), .long(Int64(product.c.rowStride)),
          ])
      }
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

  /// Activations rounded to 8 bits in blocks of 32, in scratch memory that the next product overwrites
  /// (`gemm/quantise`).
  private struct Quantised {
    let panels: Buffer
    let scales: Buffer

    init(_ a: MatrixView, width: Int, on device: OpenCLDevice) throws {
      let kernel = try device.library.kernel("gemm/quantise", options: ["-DWIDTH=\(width)"])
      let (panelCount, blocks) = ((a.rows + width - 1) / width, (a.columns + 31) / 32)
      let words = try checkedProduct(panelCount, blocks, width, 8)
      panels = try device.buffer(
        device.workspace.memory(.activations, byteCount: checkedProduct(4, words), allocate: device.allocate))
      scales = try device.buffer(
        device.workspace.memory(.scales, byteCount: words / 2, allocate: device.allocate))
      try kernel.launch(
        on: device.queue, size: LaunchSize(global: [4 * width * blocks, panelCount], local: [4 * width, 1]),
        arguments: [
          .int(Int32(a.rows)), .int(Int32(a.columns)), .buffer(try device.buffer(a.memory)), .long(Int64(a.offset)),
          .long(Int64(a.rowStride)), .long(Int64(a.columnStride)), .buffer(panels), .buffer(scales),
        ])
    }
  }
}
