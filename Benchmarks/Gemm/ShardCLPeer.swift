// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// ShardCL on one device: the weight packed once before, the activations inside the timing.
final class ShardCLPeer: Peer {
  let name: String
  let details: String
  let device: any ComputeDevice
  private var product: Product?

  init(name: String, device: any ComputeDevice) {
    self.name = name
    self.device = device
    details = "on \(device.name)"
  }

  func prepare(_ problem: Problem) async throws {
    let (m, n, k) = (problem.shape.m, problem.shape.n, problem.shape.k)
    let weight = try device.makeWeight(HostMemory(problem.b), rows: n, order: SumOrder(length: k), elementType: .f32)
    product = try Product(
      MatrixView(device.upload(problem.a), rows: m, columns: k), weight,
      into: MatrixView(device.upload([Float](repeating: .nan, count: m * n)), rows: m, columns: n))
  }

  func run(_ count: Int) async throws {
    guard let product else { return }
    for _ in 0..<count { try device.multiply(product) }
    try await device.finish()
  }

  func result() async throws -> [Float] {
    guard let product else { return [] }
    return try await device.download(product.c.memory)
  }
}
