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

  /// The placement of what is computed row by row, such as a norm: that of x, whose rows are whole.
  ///
  /// | x | result |
  /// | --- | --- |
  /// | `.replicate` | `.replicate` |
  /// | `.shard(0)` | `.shard(0)` |
  /// | `.shard(1)` | `.shard(1)`, where a row is a run of columns that no cut separates, such as a head |
  ///
  /// - Throws: `ShardingError.noOperationRule`, with the `redistribute` that would help.
  public static func rows(_ x: Placement, operation: String, isPerHead: Bool = false) throws -> Placement {
    guard x == .replicate || x == .shard(0) || (x == .shard(1) && isPerHead) else {
      throw ShardingError.noOperationRule(operation: operation, placement: x, fix: .replicate)
    }
    return x
  }

  /// The placement of what is computed element by element: that of x, unless x is a sum whose addends are still apart.
  ///
  /// - Throws: `ShardingError.noOperationRule`.
  public static func elements(_ x: Placement, operation: String) throws -> Placement {
    guard x != .partial else {
      throw ShardingError.noOperationRule(operation: operation, placement: x, fix: .replicate)
    }
    return x
  }

  /// The placement of the rows of an embedding W (vocabulary × features) that token ids name, which every rank has.
  ///
  /// | W | result | |
  /// | --- | --- | --- |
  /// | `.shard(0)` | `.partial` | each rank finds the rows that it has, the others are zeros |
  /// | `.shard(1)` | `.shard(1)` | |
  /// | `.replicate` | `.replicate` | |
  public static func lookUp(weight: Placement) -> Placement { weight == .shard(0) ? .partial : weight }

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
