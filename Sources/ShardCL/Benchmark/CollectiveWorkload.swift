// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A collective of a size to measure.
public struct CollectiveWorkload: Hashable, Sendable {
  /// Which one.
  public let operation: CollectiveOperation
  /// Bytes of the largest operand of a rank, at most; what does not divide is left out.
  public let byteCount: Int
  /// What is moved or added.
  public let elementType: ElementType

  /// A collective over operands of at most `byteCount` bytes.
  public init(_ operation: CollectiveOperation, byteCount: Int, elementType: ElementType = .f32) {
    self.operation = operation
    self.byteCount = byteCount
    self.elementType = elementType
  }

  /// Elements as nccl-tests count them: of an operand, or of one rank's piece.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for less than one element.
  public func count(ranks: Int) throws -> Int {
    let pieces = operation.isCut ? ranks : 1
    let count = byteCount / elementType.byteCount / pieces
    guard count >= 1 else {
      let share = pieces > 1 ? " for each of \(pieces) ranks" : ""
      throw ShardingError.shapeMismatch(
        "\(operation.rawValue) of \(byteCount) bytes; one element of \(elementType)\(share) takes "
          + "\(pieces * elementType.byteCount) bytes")
    }
    return count
  }

  /// Bytes of the largest operand of a rank.
  func size(ranks: Int) throws -> Int {
    try count(ranks: ranks) * (operation.isCut ? ranks : 1) * elementType.byteCount
  }
}
