// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// ShardCL on one device: the weight packed once before, the activations inside the timing.
final class ShardCLPeer: Peer {
  let details: String
  let device: any ComputeDevice
  private var product: Product?

  init(device: any ComputeDevice) {
    self.device = device
    details = "on \(device.selector), \(device.name)"
  }

  func prepare(_ problem: Problem) async throws {
    let (m, n, k) = (problem.shape.m, problem.shape.n, problem.shape.k)
    let order = SumOrder(length: k, unit: problem.format.blockLength)
    let weight = try device.makeWeight(problem.b, rows: n, order: order, format: problem.format)
    let c = try device.allocate(byteCount: 4 * m * n)
    try device.fill(c, at: 0, byteCount: c.byteCount, with: Float.nan.bitPattern)
    product = try Product(
      MatrixView(device.upload(problem.a), rows: m, columns: k), weight, into: MatrixView(c, rows: m, columns: n))
    try await device.finish()
  }

  func run(_ count: Int) async throws {
    guard let product else { return }
    for _ in 0..<count { try device.multiply(product) }
    try await device.finish()
  }

  func result() async throws -> HostMemory {
    guard let memory = product?.c.memory else { return HostMemory(byteCount: 0) }
    let host = HostMemory(byteCount: memory.byteCount)
    try device.read(memory, at: 0, byteCount: memory.byteCount, into: host, at: 0)
    try await device.finish()
    return host
  }

  func release() { product = nil }
}
