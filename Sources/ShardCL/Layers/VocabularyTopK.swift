// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

/// The k largest logits of each token, where the vocabulary is cut over the ranks: only candidates move.
///
/// | tensor | shape | placement |
/// | --- | --- | --- |
/// | logits | tokens × vocabulary | `.shard(1)`, any cut: the result of a `ColumnParallelLinear`; or `.replicate` |
/// | candidates | tokens × k, 8 bytes each | of each rank, then on every rank: an all-gather of `8 · tokens · k` bytes a rank |
/// | ids | tokens × k | on every rank, so that the next step's embedding needs no host |
///
/// Values are logits · scale, or softCap · tanh(logits · scale / softCap) (Gemma 2). Larger ones come first, and of equal ones
/// the lower id; NaN is above +∞ (`TopK`). So the result is the same on every mesh. Holds memory for its steps, and
/// allocates nothing in them.
public struct VocabularyTopK: Sendable {
  /// The most candidates of a token.
  public static let maximum = TopK.maximum

  /// The ranks.
  public let mesh: DeviceMesh
  /// Candidates of each token.
  public let k: Int
  /// The most tokens of a step.
  public let capacity: Int
  private let own: [DeviceMemory]
  private let gathered: [DeviceMemory]
  private let best: [DeviceMemory]
  private let ids: TokenIDs

  /// Memory for `capacity` tokens.
  ///
  /// - Throws: `ComputeError.mismatch` for a k that is not in 1 ... `maximum`, or a negative capacity; the driver's error.
  public init(on mesh: DeviceMesh, k: Int, capacity: Int) throws {
    guard (1...Self.maximum).contains(k) else {
      throw ComputeError.mismatch("the \(k) largest logits; 1 to \(Self.maximum) are possible")
    }
    self.mesh = mesh
    self.k = k
    self.capacity = capacity
    let byteCount = try CandidateMatrix.byteCount(rows: capacity, count: k)
    let all = try checkedProduct(mesh.count, byteCount)
    own = try mesh.ranks.map { try $0.device.allocate(byteCount: byteCount) }
    gathered = try mesh.ranks.map { try $0.device.allocate(byteCount: all) }
    best = try mesh.ranks.map { try $0.device.allocate(byteCount: byteCount) }
    ids = try TokenIDs(on: mesh, count: checkedProduct(capacity, k))
  }

  /// Enqueues the search; the ids of all candidates, token by token, are on every rank afterwards, until the next search.
  ///
  /// - Throws: `ShardingError.noOperationRule` for logits that are neither `.shard(1)` nor `.replicate`; `.shapeMismatch` for
  ///   more tokens than there is room for; `ComputeError.mismatch` for a cap that is not positive and finite.
  @discardableResult
  public func callAsFunction(
    _ logits: ShardedTensor, scale: Float = 1, softCap: Float? = nil
  ) async throws -> TokenIDs {
    try logits.checkLogits(on: mesh, "a search for the largest logits")
    guard logits.rows <= capacity else {
      throw ShardingError.shapeMismatch("the largest logits of \(logits.rows) tokens, with room for \(capacity)")
    }
    let found = try ids.resized(logits.rows * k)
    let isWhole = logits.partition == nil || mesh.count == 1
    for rank in mesh.ranks {
      let index = rank.index
      let top = try TopK(
        k, of: logits.piece(of: index), firstIndex: logits.partition?.borders[index] ?? 0, scale: scale,
        softCap: softCap, into: matrix(isWhole ? best[index] : own[index], logits.rows),
        ids: isWhole ? found.vector(of: index) : nil)
      try await rank.device.enqueue { try rank.device.findTop(top) }
      try rank.device.flush()
    }
    if !isWhole { try await merge(rows: logits.rows, found) }
    return found
  }

  /// The candidates of the first `tokens` tokens of the last search, in order; fewer than k of a smaller vocabulary.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for more tokens than there is room for; the driver's error.
  public func download(tokens: Int) async throws -> [[Candidate]] {
    guard (0...capacity).contains(tokens) else {
      throw ShardingError.shapeMismatch("the largest logits of \(tokens) tokens, with room for \(capacity)")
    }
    let host = HostMemory(byteCount: 8 * tokens * k)
    try mesh.ranks[0].device.read(best[0], at: 0, byteCount: host.byteCount, into: host, at: 0)
    try await mesh.ranks[0].device.finish()
    let bits = host.array(of: UInt64.self)
    return (0..<tokens).map { bits[$0 * k..<($0 + 1) * k].compactMap(Candidate.init(bits:)) }
  }

  /// Gathers the candidates of all ranks on each, where the first of them are found.
  private func merge(rows: Int, _ found: TokenIDs) async throws {
    // Candidates move as two words each.
    try await mesh.communicator.allGather(
      own.map { Reduction.Operand($0) }, into: gathered.map { Reduction.Operand($0) },
      cut: Cut(rows: rows, counts: .init(repeating: 2 * k, count: mesh.count)))
    for rank in mesh.ranks {
      let index = rank.index
      let top = try TopK(
        k, merging: CandidateMatrix(gathered[index], rows: rows, count: mesh.count * k),
        into: matrix(best[index], rows), ids: found.vector(of: index))
      try await rank.device.enqueue { try rank.device.findTop(top) }
      try rank.device.flush()
    }
  }

  private func matrix(_ memory: DeviceMemory, _ rows: Int) throws -> CandidateMatrix {
    try CandidateMatrix(memory, rows: rows, count: k)
  }
}

extension ShardedTensor {
  /// Throws unless each rank has all logits, or a part of the vocabulary of all tokens.
  func checkLogits(on mesh: DeviceMesh, _ operation: String) throws {
    guard self.mesh === mesh else {
      throw ShardingError.meshMismatch("logits are on \(self.mesh), the memory for \(operation) on \(mesh)")
    }
    guard placement == .replicate || placement == .shard(1) else {
      throw ShardingError.noOperationRule(operation: operation, placement: placement, fix: .replicate)
    }
  }

  /// The k largest logits of each row, with their columns (`VocabularyTopK`, whose memory can be kept between steps).
  ///
  /// - Throws: `ShardingError`, `ComputeError` as there; the driver's error.
  public func topK(_ k: Int, scale: Float = 1, softCap: Float? = nil) async throws -> [[Candidate]] {
    let search = try VocabularyTopK(on: mesh, k: k, capacity: rows)
    try await search(self, scale: scale, softCap: softCap)
    return try await search.download(tokens: rows)
  }

  /// The column of the largest value of each row; of equal ones the lowest, of NaNs the first.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for rows without columns; as `topK`.
  public func argmax(scale: Float = 1, softCap: Float? = nil) async throws -> [Int] {
    guard columns > 0 else { throw ShardingError.shapeMismatch("the largest of no columns has no place") }
    return try await topK(1, scale: scale, softCap: softCap).map { $0[0].index }
  }
}
