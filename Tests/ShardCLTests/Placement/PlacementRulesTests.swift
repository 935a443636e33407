// SPDX-License-Identifier: Apache-2.0
import ShardCL
import Testing

@Suite("PlacementRules") struct PlacementRulesTests {
  static let placements: [Placement] = [.replicate, .shard(0), .shard(1), .partial]

  @Test("has the four rules of the table")
  func table() throws {
    #expect(try PlacementRules.matmul(x: .replicate, weight: .shard(0)) == .shard(1))
    #expect(try PlacementRules.matmul(x: .shard(1), weight: .shard(1)) == .partial)
    #expect(try PlacementRules.matmul(x: .shard(0), weight: .replicate) == .shard(0))
    #expect(try PlacementRules.matmul(x: .replicate, weight: .replicate) == .replicate)
  }

  @Test("every other pair is refused, and the fix it names has a rule")
  func refusals() throws {
    var refused = 0
    for x in Self.placements {
      for weight in Self.placements {
        do {
          _ = try PlacementRules.matmul(x: x, weight: weight)
        } catch ShardingError.noRule(x, weight, let fix) {
          refused += 1
          if let fix { #expect(throws: Never.self) { try PlacementRules.matmul(x: fix, weight: weight) } }
          #expect((fix == nil) == (weight == .partial))
        }
      }
    }
    #expect(refused == 12)
  }

  @Test("the error names both placements and the redistribute that helps")
  func text() {
    #expect { try PlacementRules.matmul(x: .shard(0), weight: .shard(0)) } throws: {
      "\($0)" == "no rule for x .shard(0) with weight .shard(0); redistribute x to .replicate"
    }
    #expect { try PlacementRules.matmul(x: .partial, weight: .shard(1)) } throws: {
      "\($0)" == "no rule for x .partial with weight .shard(1); redistribute x to .shard(1)"
    }
  }
}
