// SPDX-License-Identifier: Apache-2.0
import ShardCompute

extension Verification {
  /// Products on meshes, with the collective that follows.
  static func shardedCases(_ devices: [any ComputeDevice], _ extent: Extent) throws -> [VerificationCase] {
    var cases: [VerificationCase] = []
    for ranks in rankCounts(extent) {
      let mesh = try mesh(devices, ranks: ranks)
      for (layout, placement) in routes {
        for format in formats(extent) {
          for shape in shardedShapes(extent) {
            let block = format.blockLength
            let problem = ShardedProblem(
              m: shape.m, n: shape.n, k: format.isQuantised ? min(shape.k / 6, 11) * block : shape.k,
              unit: shape.unit % block == 0 ? shape.unit : block, format: format, layout: layout, placement: placement)
            cases.append(
              VerificationCase(
                name: "sharded/\(problem)/ranks-\(ranks)",
                subject: "\(layout.productName) to \(placement)", ranks: ranks
              ) { try await problem.run(on: mesh, seed: $0) })
          }
        }
      }
    }
    return cases
  }

  /// Elements, and a format of each kind of block.
  private static func formats(_ extent: Extent) -> [WeightFormat] {
    extent == .small ? [.f32, .f16, .bf16, .q8_0] : [.f32, .f16, .bf16, .q8_0, .q5_1, .q4_K, .q6_K]
  }

  /// Each layout with the placements that its result is brought to.
  private static let routes: [(ProductLayout, Placement)] = [
    (.column, .replicate), (.column, .shard(0)), (.row, .replicate), (.row, .shard(0)), (.row, .shard(1)),
    (.token, .replicate), (.replicate, .replicate),
  ]

  private static func shardedShapes(_ extent: Extent) -> [(m: Int, n: Int, k: Int, unit: Int)] {
    // One row and many; fewer columns or terms than ranks; primes; whole units of a block that do not divide k.
    let small = [(1, 5, 7, 1), (3, 17, 40, 16)]
    return extent == .small
      ? small
      : small + [
        (1, 1, 1, 1), (2, 3, 8, 1), (8, 32, 64, 32), (9, 65, 61, 1), (15, 33, 129, 1), (29, 97, 257, 32),
        (61, 67, 71, 1), (1, 1031, 512, 32), (128, 160, 1031, 1),
      ]
  }
}

extension ProductLayout {
  fileprivate var productName: String { self == .replicate ? "replicated product" : "\(self)-parallel product" }
}

/// A product on a mesh, judged on every rank.
struct ShardedProblem: Sendable, CustomStringConvertible {
  let m: Int
  let n: Int
  let k: Int
  /// Columns of the weight that are never separated.
  let unit: Int
  let format: WeightFormat
  let layout: ProductLayout
  let placement: Placement

  var description: String {
    "\(layout)/\(format.rawValue)/\(m)x\(n)x\(k)/unit-\(unit)/to-\(placement.caseName)"
  }

  func run(on mesh: DeviceMesh, seed: UInt64) async throws -> Findings {
    var findings = Findings()
    for numbers in Numbers.allCases {
      let x = try HostMatrix(
        HostMemory(numbers.values(m * k, seed: seed, "\(self)/x")), rows: m, columns: k)
      let weight = try HostMatrix(
        numbers.weight(rows: n, columns: k, format, seed: seed, "\(self)/weight"), rows: n, columns: k,
        format: format)
      let reference = try ProductReference(
        m: m, n: n, k: k, a: x.memory, weight: weight.memory, format: format)
      for result in try await results(x, weight, on: mesh) {
        switch numbers {
        case .random:
          findings.largestErrorOverBound = max(
            findings.largestErrorOverBound, reference.largestErrorOverBound(of: result, rows: [0..<m]))
          let expected = try await hostResult(x, weight)
          findings.sameBits = findings.sameBits && expected.hasSameBytes(as: result)
        case .whole:
          findings.differentElements += reference.differentElements(of: result, rows: [0..<m])
        }
      }
    }
    return findings
  }

  /// The whole result, as each rank has it.
  private func results(_ x: HostMatrix, _ weight: HostMatrix, on mesh: DeviceMesh) async throws -> [HostMemory] {
    let product = try ShardedProduct(x, weight, layout: layout, orderUnit: unit, on: mesh, to: placement)
    // Whatever the memory held before must not shine through.
    for rank in mesh.ranks {
      let piece = try product.result.piece(of: rank.index)
      try rank.device.fill(piece.memory, at: 0, byteCount: piece.memory.byteCount, with: 0x7fc0_dead)
    }
    try await mesh.finish()
    try await product.run()
    guard placement == .replicate else { return [HostMemory(try await product.result.download())] }
    var results: [HostMemory] = []
    for rank in mesh.ranks { results.append(HostMemory(try await product.result.download(rank: rank.index))) }
    return results
  }

  private func hostResult(_ x: HostMatrix, _ weight: HostMatrix) async throws -> HostMemory {
    let line = try DeviceMesh([HostDevice()])
    let product = try ShardedProduct(x, weight, layout: .replicate, orderUnit: unit, on: line)
    try await product.run()
    return HostMemory(try await product.result.download())
  }
}
