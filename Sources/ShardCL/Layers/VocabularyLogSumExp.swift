// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

/// log Σ exp of each token's logits, where the vocabulary is cut over the ranks: only nodes of the sum move.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | logits | tokens × vocabulary | `.shard(1)`, cut at multiples of `LeafSums.leafLength`; or `.replicate` |
/// | nodes | tokens × leaves, 8 bytes each | of each rank, then on every rank: an all-gather of `8 · tokens · leaves` bytes |
/// | result | tokens × 1 | `.replicate` |
///
/// Values are logits · scale, or softCap · tanh(logits · scale / softCap). The sum has one order (`LogSumExp`), so the bits
/// do not depend on the number of ranks, nor on where the vocabulary is cut between leaves; a layer whose result is to be
/// summed has `granularity: LeafSums.leafLength`. Holds memory for its steps, and allocates nothing in them.
public struct VocabularyLogSumExp: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// The most tokens of a step.
  public let capacity: Int
  /// Columns of the logits.
  public let vocabulary: Int
  private let own: [DeviceMemory]
  private let gathered: [DeviceMemory]

  /// Memory for `capacity` tokens.
  ///
  /// - Throws: `ComputeError.mismatch` for sizes below zero; the driver's error.
  public init(on mesh: DeviceMesh, vocabulary: Int, capacity: Int) throws {
    self.mesh = mesh
    self.capacity = capacity
    self.vocabulary = vocabulary
    let byteCount = try LeafSums.byteCount(rows: capacity, leaves: LeafSums.leaves(of: vocabulary))
    own = try mesh.ranks.map { try $0.device.allocate(byteCount: byteCount) }
    gathered = try mesh.ranks.map { try $0.device.allocate(byteCount: byteCount) }
  }

  /// Enqueues the sums of all rows into `result`, tokens × 1 and `.replicate`.
  ///
  /// - Throws: `ShardingError.noOperationRule` for logits that are neither `.shard(1)` nor `.replicate`; `.partitionMismatch`
  ///   for a cut inside a leaf; `.shapeMismatch`; `ComputeError.mismatch` for a cap that is not positive and finite.
  public func callAsFunction(
    _ logits: ShardedTensor, scale: Float = 1, softCap: Float? = nil, into result: ShardedTensor
  ) async throws {
    try check(logits, result)
    let isWhole = logits.partition == nil || mesh.count == 1
    for rank in mesh.ranks {
      let sums = try LeafSums(
        of: logits.piece(of: rank.index), scale: scale, softCap: softCap,
        into: isWhole ? gathered[rank.index] : own[rank.index])
      try await rank.device.enqueue { try rank.device.sumLeaves(sums) }
      try rank.device.flush()
    }
    if !isWhole, let partition = logits.partition {
      try await mesh.communicator.allGather(
        own.map { Reduction.Operand($0) }, into: gathered.map { Reduction.Operand($0) },
        cut: Cut(rows: logits.rows, counts: partition.counts.map { 2 * LeafSums.leaves(of: $0) }))
    }
    for rank in mesh.ranks {
      let join = try LogSumExp(
        of: gathered[rank.index], leaves: LeafSums.leaves(of: vocabulary), into: result.piece(of: rank.index))
      try await rank.device.enqueue { try rank.device.joinLeaves(join) }
      try rank.device.flush()
    }
  }

  private func check(_ logits: ShardedTensor, _ result: ShardedTensor) throws {
    try logits.checkLogits(on: mesh, "a log-sum of logits")
    guard result.mesh === mesh, logits.rows <= capacity, logits.columns == vocabulary, result.rows == logits.rows,
      result.columns == 1, result.placement == .replicate
    else {
      throw ShardingError.shapeMismatch(
        "log-sums of \(logits.rows) × \(logits.columns) logits into \(result.rows) × \(result.columns) "
          + "\(result.placement), with room for \(capacity) tokens and a vocabulary of \(vocabulary); the result is "
          + "\(logits.rows) × 1 .replicate")
    }
    guard let partition = logits.partition else { return }
    guard partition.borders.allSatisfy({ $0 == vocabulary || $0.isMultiple(of: LeafSums.leafLength) }) else {
      throw ShardingError.partitionMismatch(
        "logits in parts of \(partition); a log-sum is cut at multiples of \(LeafSums.leafLength) columns: give the "
          + "layer granularity: \(LeafSums.leafLength)")
    }
  }
}

extension ShardedTensor {
  /// log Σ exp of each row (`VocabularyLogSumExp`, whose memory can be kept between steps).
  ///
  /// - Throws: `ShardingError`, `ComputeError` as there; the driver's error.
  public func logSumExp(scale: Float = 1, softCap: Float? = nil) async throws -> [Float] {
    let sums = try VocabularyLogSumExp(on: mesh, vocabulary: columns, capacity: rows)
    let result = try ShardedTensor(on: mesh, rows: rows, columns: 1, placement: .replicate)
    try await sums(self, scale: scale, softCap: softCap, into: result)
    return try await result.download()
  }
}
