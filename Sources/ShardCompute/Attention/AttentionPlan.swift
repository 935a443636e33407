// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How the attention of some sequences is done on one device: which keys belong to whom, and who does what. Made once,
/// updated for each step, and used by all layers of a step whose caches and rules look alike.
///
/// Work is cut into *tasks*: some queries of a sequence against a run of chunks of its keys, for each KV head. Where there
/// are few queries their keys are cut too, so that all compute units have work, and what the tasks leave is joined. How
/// work is cut changes no bit of a result.
public final class AttentionPlan: Sendable {
  /// The device.
  public let device: any ComputeDevice
  /// Sizes of the heads.
  public let heads: AttentionHeads
  /// Which keys a query sees.
  public let span: AttentionRule.Span
  /// Keys of a block of the caches.
  public let blockLength: Int
  /// Blocks of each of the caches.
  public let blocks: Int
  /// Whether ranks share the keys of a sequence, so that what a rank makes of its part are nodes, not results.
  public let cutsKeys: Bool
  private let shape: AttentionTaskShape
  private let recordMemory: RecordMemory
  private let state = Mutex<State?>(nil)

  /// What the last `update` left.
  struct State {
    let memory: DeviceMemory
    let records: AttentionRecords
  }

  /// A plan without sequences for caches like `cache` on `device`.
  public init(
    on device: any ComputeDevice, like cache: KVCache, span: AttentionRule.Span = .causal, cutsKeys: Bool = false
  ) {
    self.device = device
    heads = cache.heads
    self.span = span
    blockLength = cache.blockLength
    blocks = cache.blocks
    self.cutsKeys = cutsKeys
    shape = AttentionTaskShape(device)
    recordMemory = RecordMemory(on: device)
  }

  /// Replaces the sequences. Commands that are enqueued already still use the former ones; memory is allocated only where
  /// it has to grow.
  ///
  /// - Throws: `ComputeError.mismatch` for rows that two sequences share, blocks that the caches do not have, or too few of
  ///   them; the driver's error.
  public func update(_ sequences: [KVSequence]) throws {
    let records = try AttentionRecords(
      sequences, heads: heads, span: span, cutsKeys: cutsKeys, blockLength: blockLength, blocks: blocks, shape: shape)
    try state.withLock { $0 = State(memory: try recordMemory.write(records.words), records: records) }
  }

  /// Rows of queries and results that the sequences have: where the last one ends.
  public var rows: Int { state.withLock { $0?.records.rows ?? 0 } }

  /// The nodes that each row is left with, where keys are cut over ranks.
  package var nodes: [[AttentionOrder.Node]] { state.withLock { $0?.records.nodes ?? [] } }

  /// What kernels read.
  ///
  /// - Throws: `ComputeError.mismatch` where there was no `update`.
  func current() throws -> State {
    guard let state = state.withLock({ $0 }) else { throw ComputeError.mismatch("a plan without sequences") }
    return state
  }
}
