// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A collective that cannot be carried out as asked; nothing was enqueued.
public enum CollectiveError: Error, Hashable, Sendable {
  /// A communicator without devices.
  case noRanks
  /// A list that needs one entry per rank.
  case rankCount(what: String, given: Int, ranks: Int)
  /// A root that is no rank.
  case root(Int, ranks: Int)
  /// A negative size.
  case size(what: String, Int)
  /// A size over what an `Int` holds.
  case overflow(Int, String, Int)
  /// Elements that do not lie inside the operand's memory.
  case outOfRange(
    what: String, rank: Int, offset: Int, count: Int, capacity: Int, elementType: ElementType)
  /// An operand in memory that the rank's device does not own.
  case foreignMemory(what: String, rank: Int, device: String)
  /// An output that overlaps another operand in a way that the collective does not allow.
  case overlap(output: Int, what: String, rank: Int)
  /// Addends and nodes that do not belong together.
  case nodeCount(rank: Int, addends: Int, nodes: Int)
  /// A node below level 0, outside the largest tree, or over leaves that another addend has too.
  case node(SumNode, rank: Int)
  /// More addends than one collective joins: 256, for sums of 16-bit types 16, since they are rounded only once.
  case tooManyAddends(Int, limit: Int, elementType: ElementType)
  /// A maximum or minimum of nothing.
  case nothingToJoin(Reduction.Operation)
  /// A transport that these devices cannot use.
  case transport(TransportKind, devices: [String])
}

extension CollectiveError: CustomStringConvertible {
  /// One sentence: what was asked, what is possible.
  public var description: String {
    switch self {
    case .noRanks: "a communicator needs at least one device"
    case .rankCount(let what, let given, let ranks):
      "\(given) \(what) were given; there are \(ranks) ranks, and each needs one"
    case .root(let root, let ranks): "rank \(root) as root; ranks are 0 to \(ranks - 1)"
    case .size(let what, let size): "\(size) \(what); sizes are 0 or more"
    case .overflow(let a, let sign, let b): "\(a) \(sign) \(b) elements are more than an address can reach"
    case .outOfRange(let what, let rank, let offset, let count, let capacity, let elementType):
      "\(what) of rank \(rank): \(count) elements from \(offset) do not lie in memory of \(capacity) \(elementType)"
    case .foreignMemory(let what, let rank, let device):
      "\(what) of rank \(rank) is not in memory of its device \(device)"
    case .overlap(let output, let what, let rank):
      "the output of rank \(output) overlaps the \(what) of rank \(rank); in place means exactly the same elements"
    case .nodeCount(let rank, let addends, let nodes):
      "rank \(rank) brings \(addends) addends for \(nodes) nodes; each addend is one node"
    case .node(let node, let rank):
      "rank \(rank) brings node \(node.index) of level \(node.level), which is invalid or overlaps another addend's"
    case .tooManyAddends(let count, let limit, let elementType):
      "\(count) addends of \(elementType); at most \(limit) are joined at once"
    case .nothingToJoin(let operation): "the \(operation) of no addends has no value; only a sum is zero"
    case .transport(let kind, let devices):
      "transport \(kind) needs OpenCL devices of one context; the ranks are \(devices.joined(separator: ", ")): "
        + "use .automatic or .hostStaged"
    }
  }
}
