// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A layer without a product on a mesh, bit for bit against the same on one CPU fallback.
struct ShardedLayerProblem: Sendable, CustomStringConvertible {
  enum Layer: Hashable, Sendable {
    /// RMSNorm of x + delta, in a placement.
    case norm(Placement)
    /// Rotary embedding of heads of 10 columns, in a placement.
    case rotation(Placement)
    /// SwiGLU of pairs of columns, in a placement.
    case gate(Placement)
    /// An embedding cut along its vocabulary.
    case embedding(WeightFormat)
    /// The largest logits of a vocabulary that is cut.
    case topK
    /// The log-sum of such logits, cut between leaves.
    case logSumExp
  }

  let layer: Layer
  let rows: Int
  let columns: Int

  var description: String {
    let name =
      switch layer {
      case .norm(let placement): "norm/\(placement.caseName)"
      case .rotation(let placement): "rotation/\(placement.caseName)"
      case .gate(let placement): "gate/\(placement.caseName)"
      case .embedding(let format): "embedding/\(format.rawValue)"
      case .topK: "top-k/shard-1"
      case .logSumExp: "log-sum/shard-1"
      }
    return "\(name)/\(rows)x\(columns)"
  }

  func run(on mesh: DeviceMesh, seed: UInt64) async throws -> Findings {
    var findings = Findings()
    let found = try await result(on: mesh, seed: seed)
    let expected = try await result(on: DeviceMesh([HostDevice()]), seed: seed)
    findings.sameBits = found.map(\.bitPattern) == expected.map(\.bitPattern)
    return findings
  }

  private func result(on mesh: DeviceMesh, seed: UInt64) async throws -> [Float] {
    func values(_ count: Int, _ name: String) -> [Float] {
      SeededNumbers(seed: seed, name: "\(self)/\(name)").floats(count)
    }
    func tensor(_ name: String, columns: Int, _ placement: Placement, granularity: Int = 1) throws -> ShardedTensor {
      let length = placement == .shard(0) ? rows : columns
      return try ShardedTensor(
        values(rows * columns, name), rows: rows, columns: columns, on: mesh, placement: placement,
        partition: placement == .replicate ? nil : .even(length, parts: mesh.count, granularity: granularity))
    }
    switch layer {
    case .norm(let placement):
      let norm = try RMSNorm(
        weight: HostMatrix(values(columns, "weight"), rows: 1, columns: columns), epsilon: 1e-5, on: mesh)
      let (x, delta) = (
        try tensor("x", columns: columns, placement), try tensor("delta", columns: columns, placement)
      )
      try await norm(x, adding: delta, into: delta)
      return try await x.download() + delta.download()
    case .rotation(let placement):
      let x = try tensor("x", columns: columns, placement, granularity: placement == .shard(1) ? 10 : 1)
      let layer = try RotaryEmbedding(Rotary(size: 8), headSize: 10, positionCount: 3 + rows, on: mesh)
      return try await layer(x, from: 3).download()
    case .gate(let placement):
      let pairs = try tensor("x", columns: 2 * columns, placement, granularity: placement == .shard(1) ? 2 : 1)
      return try await gatedPairs(pairs, by: .silu).download()
    case .embedding(let format):
      let weight = try Numbers.random.weight(rows: 97, columns: columns, format, seed: seed, "\(self)/weight")
      let embedding = try VocabularyParallelEmbedding(
        weight: HostMatrix(weight, rows: 97, columns: columns, format: format), scale: 3, on: mesh)
      let ids = (0..<rows).map { Int32(SeededNumbers(seed: seed, name: "\(self)/ids")[$0] % 97) }
      return try await embedding(TokenIDs(ids, on: mesh)).download()
    case .topK:
      let logits = try tensor("x", columns: columns, .shard(1))
      return try await logits.topK(min(columns, 40)).flatMap { $0.flatMap { [Float($0.index), $0.value] } }
    case .logSumExp:
      let logits = try tensor("x", columns: columns, .shard(1), granularity: LeafSums.leafLength)
      return try await logits.logSumExp(scale: 9, softCap: 5)
    }
  }
}

extension Verification {
  /// Norms, gates, embeddings and logits on meshes.
  static func shardedLayerCases(_ devices: [any ComputeDevice], _ extent: Extent) throws -> [VerificationCase] {
    let placements = [Placement.replicate, .shard(0)]
    let shapes = extent == .small ? [(3, 200)] : [(1, 1), (3, 200), (70, 1030)]
    var problems = shapes.flatMap { rows, columns in
      (placements.map { .norm($0) } + (placements + [.shard(1)]).map { .gate($0) }).map {
        ShardedLayerProblem(layer: $0, rows: rows, columns: columns)
      }
    }
    problems += shapes.filter { $1.isMultiple(of: 10) }.flatMap { rows, columns in
      (placements + [.shard(1)]).map { ShardedLayerProblem(layer: .rotation($0), rows: rows, columns: columns) }
    }
    let formats: [WeightFormat] = extent == .small ? [.q8_0] : [.f32, .q8_0, .q5_K]
    problems += formats.map { ShardedLayerProblem(layer: .embedding($0), rows: 9, columns: $0.blockLength * 2) }
    problems += [(1, 3100), (3, 12000)].flatMap { rows, columns in
      [.topK, .logSumExp].map { ShardedLayerProblem(layer: $0, rows: rows, columns: columns) }
    }
    return try rankCounts(extent).flatMap { ranks in
      let mesh = try mesh(devices, ranks: ranks)
      return problems.map { problem in
        VerificationCase(
          name: "sharded/layer/\(problem)/ranks-\(ranks)", subject: problem.subject, ranks: ranks
        ) { try await problem.run(on: mesh, seed: $0) }
      }
    }
  }
}

extension ShardedLayerProblem {
  fileprivate var subject: String {
    switch layer {
    case .norm: "RMSNorm"
    case .rotation: "rotary embedding"
    case .gate: "gate"
    case .embedding: "vocabulary-parallel embedding"
    case .topK, .logSumExp: "vocabulary-parallel logits"
    }
  }
}

extension Placement {
  /// As it stands in names of cases.
  var caseName: String {
    switch self {
    case .replicate: "replicate"
    case .shard(let axis): "shard-\(axis)"
    case .partial: "partial"
    }
  }
}
