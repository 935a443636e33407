// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// A GPU kernel that leaves the order of addition: rounded activations, squares of C, one launch for each node of the
/// sum, inside which the order is free.
protocol SquareTileKernel: ProbedKernel where Parameters == GEMM.TileSide {
  /// Work-items of a work-group that makes a square of `tile`.
  static func workGroup(tile: Int) -> [Int]
  /// Which instructions `device` lacks; nil where it has them.
  static func missingInstructions(of device: OpenCLDevice) -> String?
  /// Build options beside those of the tile.
  static func options(_ format: WeightFormat, on device: OpenCLDevice) -> [String]
  /// Enqueues the rounding of activations.
  static func rounded(_ a: MatrixView, _ weight: Weight, on device: OpenCLDevice) throws -> GEMM.RoundedActivations
  /// Steps of k that the kernel counts as one: a block of the weight, or a single one.
  static func unit(_ format: WeightFormat) -> Int
}

extension GEMM {
  /// The one tunable of kernels whose work-groups make a square of C.
  struct TileSide: Hashable, Codable, Sendable {
    /// Rows and columns of C of a work-group, `TILE_M` and `TILE_N`.
    let tile: Int

    static let all = [TileSide(tile: 64), TileSide(tile: 128)]
  }

  /// Activations with fewer bits, in scratch memory that the next product overwrites.
  struct RoundedActivations {
    /// The rounded activations, in panels.
    let panels: Buffer
    /// What rows, or blocks of them, were divided by.
    let scales: Buffer
  }
}

extension SquareTileKernel {
  static var keepsOrder: Bool { false }
  /// Neither side a multiple of a tile or fragment, an odd k over several runs.
  static var probeShape: (m: Int, n: Int, k: Int) { (m: 70, n: 137, k: 151) }
  static var forms: [@Sendable (Product, OpenCLDevice) throws -> Void] {
    GEMM.TileSide.all.map { side in { try launch($0, side, on: $1) } }
  }
  static func unit(_ format: WeightFormat) -> Int { 1 }

  static func refusal(_ product: Product, on device: OpenCLDevice) -> String? {
    if device.capabilities.architecture != .gpu { return "made for GPUs" }
    if !device.emulatesInstructions, let missing = missingInstructions(of: device) { return missing }
    if let refusal = refusal(product.weight.format) { return refusal }
    if product.m <= GEMV.maximumRows { return "\(product.m) rows, which are bound by reading the weight" }
    if product.weight.panelWidth != 32 { return "panels of \(product.weight.panelWidth) rows, not 32" }
    let largest = GEMM.TileSide.all.map { workGroup(tile: $0.tile) }.max { $0.reduce(1, *) < $1.reduce(1, *) } ?? []
    return GEMM.refusal(ofWorkGroup: largest, device.capabilities)
  }

  /// Large squares read less, small ones fill more compute units: large where each unit gets two.
  static func formula(_ product: Product, on device: OpenCLDevice) -> GEMM.TileSide {
    let largeTiles = ((product.m + 127) / 128) * ((product.n + 127) / 128)
    return GEMM.TileSide(tile: largeTiles >= 2 * device.capabilities.computeUnits ? 128 : 64)
  }

  static func refusal(of parameters: GEMM.TileSide, _ product: Product, on device: OpenCLDevice) -> String? {
    let tile = parameters.tile
    return GEMM.TileSide.all.contains(parameters)
      ? nil : "tiles of \(tile) × \(tile); 64 × 64 and 128 × 128 are possible"
  }

  static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<GEMM.TileSide>] {
    [Tunable(GEMM.TileSide.all) { $0 = $1 }]
  }

  static func launch(_ product: Product, _ parameters: GEMM.TileSide, on device: OpenCLDevice) throws {
    let (tile, weight) = (parameters.tile, product.weight)
    let (local, unit) = (workGroup(tile: tile), unit(weight.format))
    let kernel = try device.library.kernel(
      name, options: ["-DTILE_M=\(tile)", "-DTILE_N=\(tile)"] + options(weight.format, on: device))
    for node in product.nodeTerms {
      let a = try rounded(product.a.columns(node.terms), weight, on: device)
      try kernel.launch(
        on: device.queue,
        size: LaunchSize(
          global: [local[0] * ((product.m + tile - 1) / tile), local[1] * ((product.n + tile - 1) / tile)],
          local: local),
        arguments: [
          .int(Int32(product.m)), .int(Int32(product.n)), .int(Int32(product.k / unit)),
          .int(Int32(node.terms.lowerBound / unit)), .int(Int32(node.terms.count / unit)), .float(product.alpha),
          .float(product.beta), .buffer(a.panels), .buffer(a.scales), .buffer(try device.buffer(weight.memory)),
          .buffer(try device.buffer(product.c.memory)), .long(Int64(node.offset)), .long(Int64(product.c.rowStride)),
        ])
    }
  }
}

extension Product {
  /// For each node of the sum: its terms, counted from the first that is here, and where in C its addend begins.
  fileprivate var nodeTerms: [(terms: Range<Int>, offset: Int)] {
    let start = weight.order.border(weight.leaves.lowerBound)
    return weight.nodes.enumerated().map { index, node in
      let terms = weight.order.terms(of: node.leaves)
      return (terms.lowerBound - start..<terms.upperBound - start, c.offset + index * nodeStride)
    }
  }
}
