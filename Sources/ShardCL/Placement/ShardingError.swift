// SPDX-License-Identifier: Apache-2.0

/// Tensors, weights and placements that do not fit together.
public enum ShardingError: Error, Hashable, Sendable {
  /// A product of operands that no rule covers; `fix` is the placement of x that would have one.
  case noRule(x: Placement, weight: Placement, fix: Placement?)
  /// An operation on one tensor that no rule covers; `fix` is a placement that would have one.
  case noOperationRule(operation: String, placement: Placement, fix: Placement)
  /// A change of placement that no collective makes.
  case noTransition(from: Placement, to: Placement)
  /// Operands that are cut differently, or a partition of another axis; the text has both.
  case partitionMismatch(String)
  /// Shapes that do not belong together; the text has the values.
  case shapeMismatch(String)
  /// Borders, units or weights that make no partition; the text has the values.
  case invalidPartition(String)
  /// Operands of two meshes, or ranks that make no mesh; the text has the values.
  case meshMismatch(String)
}

extension ShardingError: CustomStringConvertible {
  /// What was asked, what is possible, what to do.
  public var description: String {
    switch self {
    case .noRule(let x, let weight, let fix):
      "no rule for x \(x) with weight \(weight); "
        + (fix.map { "redistribute x to \($0)" } ?? "load the weight as .shard(0), .shard(1) or .replicate")
    case .noOperationRule(let operation, let placement, let fix):
      "no rule for \(operation) of a tensor \(placement); redistribute it to \(fix)"
    case .noTransition(let from, let to):
      "no collective makes \(to) from \(from); a tensor becomes \(to) only as the result of a product"
    case .partitionMismatch(let text): "partitions do not match: \(text)"
    case .shapeMismatch(let text): "shapes do not match: \(text)"
    case .invalidPartition(let text): "not a partition: \(text)"
    case .meshMismatch(let text): "meshes do not match: \(text)"
    }
  }
}
