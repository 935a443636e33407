// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization

/// What the addends of a `.partial` tensor are that an attention made whose keys are cut over the ranks: nodes of its sums,
/// which meet by their log-sum-exps rather than by addition. Two are equal if they are the same object.
public final class AttentionNodes: Sendable {
  /// All heads, which every rank has.
  public let heads: AttentionHeads
  /// The most nodes of a row on a rank.
  public let capacity: Int

  /// The nodes of each row on each rank, and the first chunk of keys that each row sees.
  struct Lists: Sendable {
    var ranks: [[[AttentionOrder.Node]]] = []
    var first: [Int] = []
  }
  private let lists = Mutex(Lists())
  private let memory: [RankMemory]
  private let lastSinks = Mutex<ShardedTensor?>(nil)

  /// Room at one rank for all nodes, and for the lists of a join.
  private final class RankMemory: Sendable {
    let lists: AttentionListMemory
    let gathered = Mutex<DeviceMemory?>(nil)
    init(on device: any ComputeDevice) { lists = AttentionListMemory(on: device) }
  }

  /// - Parameter keyCount: the most keys that a sequence will have.
  init(heads: AttentionHeads, keyCount: Int, on mesh: DeviceMesh) {
    self.heads = heads
    // A run of chunks is at most so many complete subtrees.
    let chunks = (keyCount + AttentionOrder.chunk - 1) / AttentionOrder.chunk
    capacity = 2 * (Int.bitWidth - chunks.leadingZeroBitCount)
    memory = mesh.ranks.map { RankMemory(on: $0.device) }
  }

  /// The sinks of the layer whose nodes these are, which join last.
  var sinks: ShardedTensor? { lastSinks.withLock { $0 } }
  func use(sinks: ShardedTensor?) { lastSinks.withLock { $0 = sinks } }

  func update(_ new: Lists) { lists.withLock { $0 = new } }
  var current: Lists { lists.withLock { $0 } }

  /// Memory at `rank` for nodes of all ranks, which grows to what was needed.
  func gathered(rank: Int, on device: any ComputeDevice, byteCount: Int) throws -> DeviceMemory {
    try memory[rank].gathered.withLock { memory in
      if let memory, memory.byteCount >= byteCount { return memory }
      memory = nil
      let block = try device.allocate(byteCount: byteCount)
      memory = block
      return block
    }
  }

  func listMemory(rank: Int) -> AttentionListMemory { memory[rank].lists }
}

extension AttentionNodes: Hashable {
  /// Whether both are the same object.
  public static func == (one: AttentionNodes, other: AttentionNodes) -> Bool { one === other }
  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
