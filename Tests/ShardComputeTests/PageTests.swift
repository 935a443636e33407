// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Testing

@Suite("the module's page") struct PageTests {
  @Test("its lines run") func lines() async throws {
    let device = HostDevice()
    let (m, n, k) = (2, 3, 64)
    let values = HostMemory([Float](repeating: 0.5, count: n * k))
    let weight = try device.makeWeight(values, rows: n, order: SumOrder(length: k), format: .f32)
    let a = try MatrixView(device.upload([Float](repeating: 2, count: m * k)), rows: m, columns: k)
    let memory = try device.allocate(byteCount: 4 * m * n)
    let c = try MatrixView(memory, rows: m, columns: n)
    try device.multiply(Product(a, weight, into: c))
    let result: [Float] = try await device.download(memory)
    #expect(result == [Float](repeating: 64, count: m * n))
  }
}
