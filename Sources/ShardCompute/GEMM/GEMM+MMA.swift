// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMM {
  /// `gemm/mma`: the matrix units of NVIDIA GPUs.
  enum MMA: ProbedKernel {
    static let name = "gemm/mma"
    static let keepsOrder = false
    static let formats: [WeightFormat] = [.f16, .bf16]
    /// Neither side a multiple of a tile or fragment, an odd k over several buffers.
    static let probeShape = (m: 70, n: 137, k: 151)
    static var forms: [@Sendable (Product, OpenCLDevice) throws -> Void] {
      Parameters.all.map { parameters in { try launch($0, parameters, on: $1) } }
    }

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .gpu { return "made for GPUs" }
      if !device.emulatesInstructions, !device.isNVIDIA { return "made for NVIDIA's matrix units" }
      if let refusal = refusal(product.weight.format) { return refusal }
      if product.m <= GEMV.maximumRows { return "\(product.m) rows, which are bound by reading the weight" }
      if device.tiles.weightPanelWidth != 32 { return "panels of \(device.tiles.weightPanelWidth) rows, not 32" }
      if device.capabilities.maximumWorkGroupSize < Parameters.items {
        return "work-groups of \(Parameters.items), the device has at most \(device.capabilities.maximumWorkGroupSize)"
      }
      return nil
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters { Parameters(product, device) }

    static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
      if Parameters.all.contains(parameters) { return nil }
      return "tiles of \(parameters.tileM) × \(parameters.tileN); 64 × 64 and 128 × 128 are possible"
    }

    static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
      [Tunable(Parameters.all) { $0 = $1 }]
    }

    /// One launch for each node of the sum: inside a node the order is free.
    static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws {
      let weight = product.weight
      let kernel = try device.library.kernel(
        name, options: parameters.options(weight.format, emulated: !device.isNVIDIA))
      let tilesM = (product.m + parameters.tileM - 1) / parameters.tileM
      let tilesN = (product.n + parameters.tileN - 1) / parameters.tileN
      for node in product.nodeTerms {
        let a = try Pairs(product.a.columns(node.terms), weight.format, width: weight.panelWidth, top: 15, on: device)
        try kernel.launch(
          on: device.queue,
          size: LaunchSize(
            global: [32 * tilesM, Parameters.warps * tilesN], local: [32, Parameters.warps]),
          arguments: [
            .int(Int32(product.m)), .int(Int32(product.n)), .int(Int32(product.k)),
            .int(Int32(node.terms.lowerBound)), .int(Int32(node.terms.count)), .float(product.alpha),
            .float(product.beta), .buffer(a.panels), .buffer(a.scales), .buffer(try device.buffer(weight.memory)),
            .buffer(try device.buffer(product.c.memory)), .long(Int64(node.offset)), .long(Int64(product.c.rowStride)),
          ])
      }
    }

    /// One rounding of each activation, and what is lost below the smallest f16 of a row scaled to 2¹⁴ … 2¹⁵.
    static func roundingError(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat) -> Double {
      let sums = Magnitudes(a, w)
      return format == .f16 ? 0x1p-11 * sums.terms + 0x1p-39 * sums.largest * sums.weights : 0x1p-8 * sums.terms
    }

    /// The kernel's tunables, under its own names.
    struct Parameters: Hashable, Codable, Sendable {
      /// Rows of C of a work-group.
      let tileM: Int
      /// Columns of C of a work-group.
      let tileN: Int

      /// Warps of a work-group, two by two: 64 × 64 sums for each, or 32 × 32 where that fills more compute units.
      static let warps = 4
      static let items = 32 * warps
      static let all = [Parameters(tileM: 64, tileN: 64), Parameters(tileM: 128, tileN: 128)]
    }
  }
}

extension GEMM.MMA.Parameters {
  init(_ product: Product, _ device: OpenCLDevice) {
    let side = product.tileSide(on: device)
    (tileM, tileN) = (side, side)
  }

  fileprivate func options(_ type: WeightFormat, emulated: Bool) -> [String] {
    ["-DTILE_M=\(tileM)", "-DTILE_N=\(tileN)", "-DB_TYPE=\(type.kernelName)", "-DMMA_PTX=\(emulated ? 0 : 1)"]
  }
}
