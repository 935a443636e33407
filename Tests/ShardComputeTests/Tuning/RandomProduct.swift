// SPDX-License-Identifier: Apache-2.0
import TestSupport

@testable import ShardCompute

/// A product of random operands that any device can make for itself.
struct RandomProduct: CustomStringConvertible {
  let shape: TuningShape
  let seed: UInt64

  var description: String { "\(shape.m)x\(shape.n)x\(shape.k) \(shape.format.rawValue)" }

  init(m: Int, n: Int, k: Int, _ format: WeightFormat, seed: UInt64) {
    shape = TuningShape(m: m, n: n, k: k, format: format)
    self.seed = seed
  }

  /// The product on `device`, C full of NaN.
  func product(on device: any ComputeDevice) throws -> Product {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let numbers = SeededNumbers(seed: seed, name: "w")
    let source =
      if let elementType = shape.format.elementType {
        HostMemory(numbers.floats(n * k), as: elementType)
      } else {
        try numbers.blocks(rows: n, columns: k, format: shape.format)
      }
    let order = SumOrder(length: k, unit: shape.format.blockLength)
    return try Product(
      MatrixView(device.upload(SeededNumbers(seed: seed, name: "a").floats(m * k)), rows: m, columns: k),
      device.makeWeight(source, rows: n, order: order, format: shape.format),
      into: MatrixView(device.upload([Float](repeating: .nan, count: m * n)), rows: m, columns: n))
  }

  /// What the CPU fallback makes of it.
  func expected() async throws -> [UInt32] {
    let host = HostDevice()
    let product = try product(on: host)
    try host.multiply(product)
    return try await host.download(product.c.memory)
  }
}
