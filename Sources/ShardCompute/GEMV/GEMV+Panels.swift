// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// Products with few rows, which are bound by reading the weight.
enum GEMV {
  /// The most rows that cost one reading of the weight.
  static let maximumRows = 8
}

extension GEMV {
  /// Why `product` is not one for few rows, on any device.
  static func refusal(_ product: Product) -> String? {
    if product.m > maximumRows { return "\(product.m) rows, at most \(maximumRows)" }
    if product.a.columnStride != 1, product.k > 1 { return "A is not row-major" }
    return nil
  }

  /// `gemv/panels`: the panels of `gemm/packed`, each weight read once, for CPU devices.
  enum Panels: ProductKernel {
    static let name = "gemv/panels"

    static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
      if device.capabilities.architecture != .cpu { return "made for CPU devices" }
      if let refusal = GEMM.refusal(ofBlocks: product.weight.format) { return refusal }
      return GEMV.refusal(product)
    }

    static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters {
      Parameters(product, device.tiles, device.capabilities)
    }

    static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
      parameters.refusal(product)
    }

    static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
      [
        Tunable(\.panels, around(formula(product, on: device).panels) + [1]),
        Tunable(\.prefetchB, [0, 16, 32, 64, 128]),
      ]
    }

    static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws {
      if let refusal = parameters.refusal(product) { throw ComputeError.unsupported("\(name): \(refusal)") }
      let kernel = try device.library.kernel(
        name,
        options: device.tiles.options(rows: parameters.rows, product.weight.format) + parameters.options
          + product.epilogue.options(floats: device.tiles.vector))
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [
            (product.weight.panelCount + parameters.panels - 1) / parameters.panels, 1, product.count,
          ], local: [1, 1, 1]),
        arguments: product.sizeArguments + [
          .int(Int32(parameters.panels)), .float(product.alpha), .float(product.beta),
        ] + (try vectorArguments(product, on: device)))
    }

    /// The kernel's tunables, under its own names. Every set that is not refused gives the same bits.
    struct Parameters: Hashable, Codable, Sendable {
      /// Rows of a register tile.
      var rows: Int
      /// Panels of a work-group.
      var panels: Int
      /// Steps of k that the weight is fetched ahead, 0 for none.
      var prefetchB: Int

      init(_ product: Product, _ tiles: TileShapes, _ capabilities: Capabilities) {
        rows = GEMV.rowsMacro(product)
        // Several groups a core, so that the cores end together; a launch of a group costs under a microsecond.
        panels = max(1, product.count * product.weight.panelCount / (8 * capabilities.computeUnits))
        prefetchB = tiles.prefetch(product.weight.format)
      }

      /// Build options beside those of the tile.
      var options: [String] { ["-DPREFETCH_B=\(prefetchB)"] }

      /// Why the kernel cannot run with these; nil where it can.
      func refusal(_ product: Product) -> String? {
        if rows < product.m || rows > 32 { return "tiles of \(rows) rows for \(product.m); at most 32 are possible" }
        if !(1...1 << 24).contains(panels) || !(0...1 << 20).contains(prefetchB) {
          return "groups of \(panels) panels, a fetch \(prefetchB) steps ahead; 1 to 2²⁴ and 0 to 2²⁰ are possible"
        }
        return nil
      }
    }
  }
}
