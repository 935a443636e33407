// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Scratch memory of one device, by purpose, that grows to the largest size asked for and is then used again.
///
/// A device runs its commands in order, so each may overwrite what the one before left. Commands that hand data on in
/// scratch memory are enqueued by `together`, since several tasks may use one device.
final class Workspace: Sendable {
  /// What scratch memory is for; one block each.
  enum Purpose: Hashable, Sendable {
    /// Activations in panels.
    case activations
    /// Sums of activations over the groups of a quantised format.
    case groupSums
    /// What rows or blocks of activations were divided by.
    case scales
    /// Pending subtrees of a sum.
    case tree
    /// What tasks of attention keep while they run, what they leave for others, and which comes next.
    case attention, attentionNodes, attentionCounter
    /// The largest values of parts of rows, and those of parts of them.
    case candidates, fewerCandidates
    /// Sums of the splits of a product.
    case splits
    /// Results of measuring kernels, which nobody reads.
    case measurement
    /// Inner loops of the CPU fallback.
    case loops
  }

  private let turn = Mutex(())
  private let blocks = Mutex<[Purpose: DeviceMemory]>([:])

  /// Runs `enqueue` while no other task enqueues commands that use scratch memory.
  func together(_ enqueue: () throws -> Void) rethrows { try turn.withLock { _ in try enqueue() } }

  /// The block for `purpose`, at least `byteCount` bytes; `allocate` runs only where it has to grow.
  func memory(_ purpose: Purpose, byteCount: Int, allocate: (Int) throws -> DeviceMemory) rethrows -> DeviceMemory {
    if let block = blocks.withLock({ $0[purpose] }), block.byteCount >= byteCount { return block }
    let block = try allocate(byteCount)
    blocks.withLock { $0[purpose] = block }
    return block
  }
}
