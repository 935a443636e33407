// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// An operand with its extent, for the checks: `count` elements, all in one run.
struct Extent {
  let what: String
  let rank: Int
  let operand: Reduction.Operand
  let count: Int

  var elements: Range<Int> { operand.offset..<operand.offset + count }

  func overlaps(_ other: Extent) -> Bool {
    operand.memory === other.operand.memory && elements.overlaps(other.elements)
  }
}

extension Communicator {
  /// Throws unless there is one of `what` for each rank.
  func check(count: Int, of what: String) throws(CollectiveError) {
    guard count == rankCount else { throw .rankCount(what: what, given: count, ranks: rankCount) }
  }

  /// Throws unless `root` is a rank.
  func check(root: Int) throws(CollectiveError) {
    guard devices.indices.contains(root) else { throw .root(root, ranks: rankCount) }
  }

  /// Checks that operands are in their rank's memory, and that outputs overlap nothing except in place.
  ///
  /// `inPlace` gives the distance from a rank's input to its output at which the two may overlap; nil for never.
  func check(
    inputs: [Extent], outputs: [Extent], elementType: ElementType, inPlace: (_ rank: Int) -> Int?
  ) throws(CollectiveError) {
    for extent in inputs + outputs { try check(extent, elementType) }
    for (position, output) in outputs.enumerated() {
      if let other = outputs[..<position].first(where: output.overlaps) {
        throw .overlap(output: output.rank, what: other.what, rank: other.rank)
      }
      for input in inputs where output.overlaps(input) {
        guard input.rank == output.rank, output.operand.offset - input.operand.offset == inPlace(output.rank) else {
          throw .overlap(output: output.rank, what: input.what, rank: input.rank)
        }
      }
    }
  }

  private func check(_ extent: Extent, _ elementType: ElementType) throws(CollectiveError) {
    let (memory, offset) = (extent.operand.memory, extent.operand.offset)
    let capacity = memory.byteCount / elementType.byteCount
    guard offset >= 0, offset <= capacity, extent.count >= 0, extent.count <= capacity - offset else {
      throw .outOfRange(
        what: extent.what, rank: extent.rank, offset: offset, count: extent.count, capacity: capacity,
        elementType: elementType)
    }
    let device = devices[extent.rank]
    let isOwn =
      switch memory.storage {
      case .empty: true
      case .buffer(let buffer): (device as? OpenCLDevice)?.context === buffer.context
      case .host: !(device is OpenCLDevice)
      }
    guard isOwn else { throw .foreignMemory(what: extent.what, rank: extent.rank, device: device.selector) }
  }
}
