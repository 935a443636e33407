// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/halves`: f16 arithmetic on GPUs without matrix units.
  enum Halves: ProbedKernel {
    static let name = "gemm/halves"
    static let keepsOrder = false
    static let formats: [WeightFormat] = [.f16]
    /// Neither side a multiple of a tile, an odd k over several runs.
    static let probeShape = (m: 70, n: 137, k: 151)
    static var forms: [@Sendable (Product, OpenCLDevice) throws -> Void] {
      TileSide.all.map { side in { try launch($0, side, on: $1) } }
    }
    /// Steps of k in one f16 sum.
    private static let run = 16

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if device.isNVIDIA { return "made for GPUs without NVIDIA's matrix units" }
      if !device.emulatesInstructions, !device.extensions.contains("cl_khr_fp16") { return "no cl_khr_fp16" }
      if let refusal = refusal(product.weight.format) { return refusal }
      if product.m <= GEMV.maximumRows { return "\(product.m) rows, which are bound by reading the weight" }
      if product.weight.panelWidth != 32 { return "panels of \(product.weight.panelWidth) rows, not 32" }
      let items = workGroup(tile: 128).reduce(1, *)
      if device.capabilities.maximumWorkGroupSize < items {
        return "work-groups of \(items), the device has at most \(device.capabilities.maximumWorkGroupSize)"
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

    /// One launch for each node of the sum: inside a node the order is free.
    static func launch(_ product: Product, _ parameters: TileSide, on device: OpenCLDevice) throws {
      let tile = parameters.tile
      let weight = product.weight
      let isNative = device.extensions.contains("cl_khr_fp16")
      let kernel = try device.library.kernel(
        name, options: ["-DTILE_M=\(tile)", "-DTILE_N=\(tile)", "-DHALF_ARITHMETIC=\(isNative ? 1 : 0)"])
      let local = workGroup(tile: tile)
      for node in product.nodeTerms {
        // No run of terms reaches the largest f16: |a| < 1 / run.
        let a = try Pairs(
          product.a.columns(node.terms), weight.format, width: weight.panelWidth, top: -run.trailingZeroBitCount,
          on: device)
        try kernel.launch(
          on: device.queue,
          size: LaunchSize(
            global: [local[0] * ((product.n + tile - 1) / tile), local[1] * ((product.m + tile - 1) / tile)],
            local: local),
          arguments: [
            .int(Int32(product.m)), .int(Int32(product.n)), .int(Int32(product.k)),
            .int(Int32(node.terms.lowerBound)), .int(Int32(node.terms.count)), .float(product.alpha),
            .float(product.beta), .buffer(a.panels), .buffer(a.scales), .buffer(try device.buffer(weight.memory)),
            .buffer(try device.buffer(product.c.memory)), .long(Int64(node.offset)), .long(Int64(product.c.rowStride)),
          ])
      }
    }

    private static func workGroup(tile: Int) -> [Int] { [tile / 8, 16] }

    /// One rounding of each activation and 16 of each run; what is lost below the smallest f16 of a row scaled to
    /// 2⁻⁵ … 2⁻⁴, at each step.
    static func roundingError(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat) -> Double {
      let sums = Magnitudes(a, w)
      return Double(run + 1) * 0x1p-11 * sums.terms
        + 0x1p-20 * sums.largest * (Double(a.count) + sums.weights)
    }
  }
}

extension Product {
  /// Large square tiles read less, small ones fill more compute units: large where each unit gets two.
  func tileSide(on device: OpenCLDevice) -> Int {
    let largeTiles = ((m + 127) / 128) * ((n + 127) / 128)
    return largeTiles >= 2 * device.capabilities.computeUnits ? 128 : 64
  }
}
