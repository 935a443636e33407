// SPDX-License-Identifier: Apache-2.0

/// A way to spread a product x · Wᵀ over ranks: the rows of the table of `PlacementRules.matmul`.
public enum ProductLayout: String, CaseIterable, Hashable, Sendable, Codable {
  /// Each rank has rows of the weight; x is whole.
  case column
  /// Each rank has columns of the weight and of x; the result is a sum.
  case row
  /// Each rank has rows of x; the weight is whole.
  case token
  /// Each rank computes everything.
  case replicate

  /// How x is spread.
  var xPlacement: Placement {
    switch self {
    case .column, .replicate: .replicate
    case .row: .shard(1)
    case .token: .shard(0)
    }
  }

  /// How the weight is spread.
  var weightPlacement: Placement {
    switch self {
    case .column: .shard(0)
    case .row: .shard(1)
    case .token, .replicate: .replicate
    }
  }
}
