// SPDX-License-Identifier: Apache-2.0

/// What an operation does to the placements of its operands.
public enum PlacementRules {
  /// The placement of x · Wᵀ, for x (tokens × in) and W (out × in).
  ///
  /// | x | W | x · Wᵀ | known as |
  /// | --- | --- | --- | --- |
  /// | `.replicate` | `.shard(0)` | `.shard(1)` | column-parallel |
  /// | `.shard(1)` | `.shard(1)` | `.partial` | row-parallel |
  /// | `.shard(0)` | `.replicate` | `.shard(0)` | token-parallel, sequence-parallel |
  /// | `.replicate` | `.replicate` | `.replicate` | |
  ///
  /// - Throws: `ShardingError.noRule`, with the `redistribute` of x that would help.
  public static func matmul(x: Placement, weight: Placement) throws -> Placement {
    if let result = result(x: x, weight: weight) { return result }
    let fix = [Placement.replicate, .shard(1), .shard(0)].first { result(x: $0, weight: weight) != nil }
    throw ShardingError.noRule(x: x, weight: weight, fix: fix)
  }

  private static func result(x: Placement, weight: Placement) -> Placement? {
    switch (x, weight) {
    case (.replicate, .shard(0)): .shard(1)
    case (.shard(1), .shard(1)): .partial
    case (.shard(0), .replicate): .shard(0)
    case (.replicate, .replicate): .replicate
    default: nil
    }
  }
}
