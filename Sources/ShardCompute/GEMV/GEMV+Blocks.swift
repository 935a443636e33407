// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension GEMV {
  /// `gemv/blocks`: few rows times a quantised weight, each block read once and unpacked in registers, for CPU devices.
  enum Blocks: ProductKernel {
    static let name = "gemv/blocks"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .cpu { return "made for CPU devices" }
      if let refusal = GEMM.refusal(ofElements: product.weight.format) { return refusal }
      return GEMV.refusal(product)
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters {
      Parameters(product, device.capabilities)
    }

    static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
      parameters.refusal(product)
    }

    static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
      [
        Tunable(\.panels, around(formula(product, on: device).panels) + [1]),
        Tunable(\.prefetchB, [0, 1024, 2048, 4096, 8192]),
      ]
    }

    static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws {
      if let refusal = parameters.refusal(product) { throw ComputeError.unsupported("\(name): \(refusal)") }
      let kernel = try device.library.kernel(
        name,
        options: device.tiles.blockOptions(rows: parameters.rows, product.weight.format) + parameters.options
          + product.epilogue.options(floats: device.tiles.vector))
      let sums = try device.groupSums(product)
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [
            (product.weight.panelCount + parameters.panels - 1) / parameters.panels, 1, product.count,
          ], local: [1, 1, 1]),
        arguments: product.sizeArguments + [
          .int(Int32(parameters.panels)), .float(product.alpha), .float(product.beta),
        ] + (try vectorArguments(product, on: device, beside: [.buffer(sums)])))
    }

    /// The kernel's tunables, under its own names. Every set that is not refused gives the same bits.
    struct Parameters: Hashable, Codable, Sendable {
      /// Rows of a register tile.
      var rows: Int
      /// Panels of a work-group.
      var panels: Int
      /// Bytes that the weight is fetched ahead, 0 for none.
      var prefetchB: Int

      init(_ product: Product, _ capabilities: Capabilities) {
        rows = GEMV.rowsMacro(product)
        // Several groups a core, so that the cores end together; a launch of a group costs under a microsecond.
        panels = max(1, product.count * product.weight.panelCount / (8 * capabilities.computeUnits))
        prefetchB = 4096
      }

      /// Build options beside those of the tile.
      var options: [String] { ["-DPREFETCH_B=\(prefetchB)"] }

      /// Why the kernel cannot run with these; nil where it can.
      func refusal(_ product: Product) -> String? {
        if rows < product.m { return "tiles of \(rows) rows for \(product.m)" }
        if panels < 1 || prefetchB < 0 { return "groups of \(panels) panels, a fetch \(prefetchB) bytes ahead" }
        return nil
      }
    }
  }
}
