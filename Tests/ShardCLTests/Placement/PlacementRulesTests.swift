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

  @Test("operations on one tensor keep its placement, or name one that they would keep")
  func oneTensor() throws {
    for placement in Self.placements {
      for isPerHead in [false, true] {
        let refused = placement == .partial || (placement == .shard(1) && !isPerHead)
        let error = ShardingError.noOperationRule(operation: "a norm", placement: placement, fix: .replicate)
        let rule = Result { try PlacementRules.rows(placement, operation: "a norm", isPerHead: isPerHead) }
        switch rule {
        case .success(let result): #expect(!refused && result == placement)
        case .failure(let found): #expect(refused && found as? ShardingError == error)
        }
      }
    }
    #expect(try PlacementRules.elements(.shard(1), operation: "a gate") == .shard(1))
    #expect(throws: ShardingError.self) { try PlacementRules.elements(.partial, operation: "a gate") }
    #expect(PlacementRules.lookUp(weight: .shard(0)) == .partial)
    #expect(PlacementRules.lookUp(weight: .shard(1)) == .shard(1))
    #expect(PlacementRules.lookUp(weight: .replicate) == .replicate)
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
