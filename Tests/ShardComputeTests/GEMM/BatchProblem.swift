// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

/// A batch of products whose operands come from a seed; each must have the bits that it has alone on the CPU fallback.
struct BatchProblem: CustomStringConvertible {
  /// How the matrices of A and of C lie in their memory.
  enum Layout {
    /// One behind the other, with a gap.
    case apart
    /// In the rows of one large matrix, as attention's heads are.
    case sideBySide
  }

  var count: Int, m: Int, n: Int, k: Int
  var format: WeightFormat
  var leaves = SumOrder.allLeaves
  var (alpha, beta): (Float, Float) = (1, 0)
  var layout = Layout.apart
  var sharesA = false
  var sharesWeight = false
  var hasEpilogue = false
  /// Whether all products have one bias and one residual.
  var sharesSteps = false

  init(count: Int, m: Int, n: Int, k: Int, format: WeightFormat) {
    (self.count, self.m, self.n, self.k, self.format) = (count, m, n, k, format)
  }

  var description: String {
    "\(count) of \(m)x\(n)x\(k) \(format) leaves \(leaves) \(layout)\(sharesA ? " one A" : "")"
      + "\(sharesWeight ? " one weight" : "")\(hasEpilogue ? " epilogue" : "")\(sharesSteps ? " for all" : "")"
  }

  private var order: SumOrder { SumOrder(length: k, unit: format.blockLength) }
  private var columns: Int { order.terms(of: leaves).count }
  private var nodes: Int { SumNode.covering(leaves).count }

  /// Where element (0, 0) of each matrix of rows × columns is; the leading dimension; how much memory there is.
  private func places(_ rows: Int, _ columns: Int, _ layout: Layout, shared: Bool = false) -> (
    first: Int, stride: Int, leadingDimension: Int, count: Int
  ) {
    let matrices = shared ? 1 : count
    switch layout {
    case .apart: return (7, rows * (columns + 2) + 5, columns + 2, 7 + matrices * (rows * (columns + 2) + 5))
    case .sideBySide: return (3, columns, matrices * columns + 1, 3 + rows * (matrices * columns + 1))
    }
  }

  /// Runs the batch on `device`, by `multiply` where it is given.
  func expectBits(on device: any ComputeDevice, multiply: ((Product) throws -> Void)? = nil) async throws {
    let (aPlaces, cPlaces) = (places(m, columns, layout, shared: sharesA), places(m, n, layout))
    var random = RandomNumbers(seed: 9)
    let a = random.floats(aPlaces.count)
    let c = random.floats(cPlaces.count * max(1, nodes))
    let rows = (sharesWeight ? 1 : count) * n
    let weights =
      format.isQuantised
      ? try SeededNumbers(seed: 10).blocks(rows: rows, columns: columns, format: format)
      : HostMemory(random.floats(rows * columns))
    let bias = random.floats(count * n)
    let residual = random.floats(count * m * n)

    func view(
      _ memory: DeviceMemory, _ places: (first: Int, stride: Int, leadingDimension: Int, count: Int), _ columns: Int
    )
      throws -> MatrixView
    {
      try MatrixView(
        memory, rows: count == 0 ? 0 : m, columns: columns, leadingDimension: places.leadingDimension,
        offset: places.first)
    }
    func steps(on device: any ComputeDevice, of index: Int) throws -> Epilogue {
      guard hasEpilogue else { return .none }
      let index = sharesSteps ? 0 : index
      return Epilogue(
        bias: try MatrixView(device.upload(bias), rows: 1, columns: n, offset: index * n), activation: .silu,
        residual: try MatrixView(
          device.upload(residual), rows: count == 0 ? 0 : m, columns: n, offset: index * m * n),
        biasStride: sharesSteps ? 0 : n, residualStride: sharesSteps ? 0 : m * n)
    }

    let memory = try device.upload(c)
    let product = try Product(
      batch: MatrixBatch(
        view(device.upload(a), aPlaces, columns), count: sharesA ? 1 : count, stride: aPlaces.stride),
      device.makeWeight(
        weights, matrices: sharesWeight ? 1 : count, rows: n, order: order, leaves: leaves, format: format),
      into: MatrixBatch(view(memory, cPlaces, n), count: count, stride: cPlaces.stride),
      nodeStride: cPlaces.count, alpha: alpha, beta: beta, epilogue: steps(on: device, of: 0))
    if let multiply { try multiply(product) } else { try device.multiply(product) }

    // The same one by one, and nothing else changed.
    let host = HostDevice()
    let expected = try host.upload(c)
    let hostA = try host.upload(a)
    let weightByteCount = try format.byteCount(rows: n, columns: columns)
    let bytes = weights.array(of: UInt8.self)
    for index in 0..<count {
      let (ofA, ofW) = (sharesA ? 0 : index, sharesWeight ? 0 : index)
      var (aAlone, cAlone) = (aPlaces, cPlaces)
      aAlone.first += ofA * aPlaces.stride
      cAlone.first += index * cPlaces.stride
      let weight = HostMemory(Array(bytes[ofW * weightByteCount..<(ofW + 1) * weightByteCount]))
      try host.multiply(
        Product(
          view(hostA, aAlone, columns),
          host.makeWeight(weight, rows: n, order: order, leaves: leaves, format: format),
          into: view(expected, cAlone, n), nodeStride: cPlaces.count, alpha: alpha, beta: beta,
          epilogue: steps(on: host, of: index)))
    }
    let results = (
      try await device.download(memory, as: UInt32.self), try await host.download(expected, as: UInt32.self)
    )
    #expect(results.0 == results.1, "\(self)")
  }
}
