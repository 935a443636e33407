// SPDX-License-Identifier: Apache-2.0

/// A product to tune for, with random operands on its device.
struct TuningProblem: Sendable {
  let device: OpenCLDevice
  /// The same product with copies of its weight, more than the last cache holds: a model comes back to a layer only after
  /// all the others.
  let products: [Product]
  private let result: DeviceMemory

  /// The most copies; smaller weights than 1/64 of a cache cost little to read.
  private static let copyLimit = 64
  /// The most bytes of all copies.
  private static let byteLimit = 512 << 20

  /// Makes and uploads the operands.
  ///
  /// - Throws: `ComputeError.allocationTooLarge` or `.outOfMemory` where they do not fit; the driver's error.
  init(_ shape: TuningShape, on device: OpenCLDevice, seed: UInt64) throws {
    let (m, n, k, format) = (shape.m, shape.n, shape.k, shape.format)
    let limit = device.capabilities.memoryByteCount / 4
    guard m > 0, n > 0, k > 0, try checkedProduct(n, k, 4) <= limit, try checkedProduct(m, k, 4) <= limit else {
      throw ComputeError.unsupported(
        "tuning \(m)x\(n)x\(k); sizes are positive, and an operand has at most \(limit) bytes as f32 on \(device.name)")
    }
    let numbers = SeededNumbers(seed: seed, name: "tuning")
    let source =
      if let elementType = format.elementType {
        HostMemory(numbers.floats(n * k), as: elementType)
      } else {
        try numbers.blocks(rows: n, columns: k, format: format)
      }
    let copies = (2 * device.capabilities.cacheByteCount) / max(1, source.byteCount) + 1
    let count = max(1, min(copies, Self.copyLimit, min(Self.byteLimit, limit) / max(1, source.byteCount)))
    let order = SumOrder(length: k, unit: format.blockLength)
    let a = try MatrixView(
      device.upload(SeededNumbers(seed: seed, name: "activations").floats(m * k)), rows: m, columns: k)
    result = try device.allocate(byteCount: checkedProduct(4, m, n))
    let c = try MatrixView(result, rows: m, columns: n)
    products = try (0..<count).map { _ in
      try Product(a, device.makeWeight(source, rows: n, order: order, format: format), into: c)
    }
    self.device = device
  }

  /// Runs the product once, each time from a result full of NaN; the bits of what it makes.
  func bits(_ run: (Product) throws -> Void) async throws -> [UInt32] {
    try device.fill(result, at: 0, byteCount: result.byteCount, with: 0x7fc0_7fc0)
    try await device.enqueue { try device.workspace.together { try run(products[0]) } }
    return try await device.download(result, as: UInt32.self)
  }

  /// Seconds of one of `count` runs in a row, the first with copy `first` of the weight.
  func seconds(_ count: Int, from first: Int, _ run: (Product) throws -> Void) async throws -> Double {
    try await device.finish()
    let start = ContinuousClock.now
    for index in first..<first + count {
      try await device.enqueue { try device.workspace.together { try run(products[index % products.count]) } }
    }
    try await device.finish()
    return start.duration(to: .now).seconds / Double(count)
  }
}

/// The size and format of a product to tune for.
package struct TuningShape: Hashable, Sendable {
  /// Rows of A and C.
  package let m: Int
  /// Columns of C.
  package let n: Int
  /// Terms of a sum.
  package let k: Int
  /// How the weight is stored.
  package let format: WeightFormat

  package init(m: Int, n: Int, k: Int, format: WeightFormat) {
    (self.m, self.n, self.k, self.format) = (m, n, k, format)
  }

  /// The class that parameters are kept for.
  package var shapeClass: ShapeClass { ShapeClass(m: m, n: n, k: k, format: format) }
}
