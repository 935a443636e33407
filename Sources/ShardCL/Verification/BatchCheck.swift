// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A batch of products on one device against the same products one by one on the CPU fallback: A side by side as
/// attention's heads are, C one behind the other.
struct BatchCheck: Sendable, CustomStringConvertible {
  let count: Int
  let m: Int
  let n: Int
  let k: Int
  let format: WeightFormat
  /// Whether all products have one weight.
  var sharesWeight = false

  var description: String {
    "\(format.rawValue)/\(count)x\(m)x\(n)x\(k)/\(sharesWeight ? "one-weight" : "weights")"
  }

  private var order: SumOrder { SumOrder(length: k, unit: format.blockLength) }
  private var weights: Int { sharesWeight ? 1 : count }

  func run(on device: any ComputeDevice, seed: UInt64) async throws -> Findings {
    let a = Numbers.random.values(count * m * k, seed: seed, "\(self)/a")
    let weight = try Numbers.random.weight(
      rows: weights * n, columns: k, format, seed: seed, "\(self)/weight")
    let (product, c) = try batch(on: device, a, weight)
    try device.multiply(product)
    let (elements, stray) = try await c.contents()

    let host = HostDevice()
    let (onHost, expected) = try batch(on: host, a, weight)
    for index in 0..<count { try host.multiply(onHost.single(index)) }
    let wanted = try await expected.contents().elements

    var findings = Findings()
    findings.strayBytes = stray
    findings.sameBits = elements.array(of: UInt32.self) == wanted.array(of: UInt32.self)
    return findings
  }

  /// The kernel that runs it on `device`; nothing is run to find out.
  func kernelName(on device: any ComputeDevice) throws -> String {
    let a = [Float](repeating: 0, count: count * m * k)
    let weight = HostMemory(byteCount: try format.byteCount(rows: weights * n, columns: k))
    return device.kernelName(for: try batch(on: device, a, weight).product)
  }

  private func batch(
    on device: any ComputeDevice, _ a: [Float], _ weight: HostMemory
  ) throws -> (product: Product, c: GuardedOperand) {
    let c = try GuardedOperand(device, count: count * m * n)
    let product = try Product(
      batch: MatrixBatch(
        MatrixView(device.upload(a), rows: m, columns: k, leadingDimension: count * k), count: count, stride: k),
      device.makeWeight(weight, matrices: weights, rows: n, order: order, format: format),
      into: MatrixBatch(c.memory, count: count, rows: m, columns: n, offset: c.offset))
    return (product, c)
  }
}

extension Verification {
  /// Batches of matrices and of few rows; the kernels are those of single products.
  static func batchCases(
    _ label: String, _ device: any ComputeDevice, _ extent: Extent
  ) throws -> [VerificationCase] {
    let formats: [WeightFormat] = extent == .small ? [.f32] : [.f32, .q5_1]
    return try formats.flatMap { format in
      try [3, 9].flatMap { m in
        try [false, true].map { sharesWeight in
          let check = BatchCheck(
            count: 3, m: m, n: 33, k: format.isQuantised ? 2 * format.blockLength : 40, format: format,
            sharesWeight: sharesWeight)
          return VerificationCase(
            name: "kernel/batch/\(label)/\(check)", subject: try check.kernelName(on: device), ranks: 1
          ) { try await check.run(on: device, seed: $0) }
        }
      }
    }
  }
}
