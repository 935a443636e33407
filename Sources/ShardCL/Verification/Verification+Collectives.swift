// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

extension Verification {
  /// Every collective over every transport that the devices have.
  static func collectiveCases(_ devices: [any ComputeDevice], _ extent: Extent) throws -> [VerificationCase] {
    var cases: [VerificationCase] = []
    for ranks in rankCounts(extent) {
      let members = (0..<ranks).map { devices[$0 % devices.count] }
      let automatic = try Communicator(devices: members)
      var communicators = [automatic]
      if automatic.transportKind != .hostStaged {
        communicators.append(try Communicator(devices: members, transport: .hostStaged))
      }
      for communicator in communicators {
        for problem in collectiveProblems(ranks: ranks, extent) {
          cases.append(
            VerificationCase(
              name: "collective/\(problem)/\(communicator.transportKind.caseName)/ranks-\(ranks)",
              subject: problem.kind.rawValue, ranks: ranks
            ) { try await problem.run(on: communicator, seed: $0) })
        }
      }
    }
    return cases
  }

  private static func collectiveProblems(ranks: Int, _ extent: Extent) -> [CollectiveProblem] {
    // Nothing, one element, fewer than ranks, odd; long enough to be cut into pieces.
    let counts = extent == .small ? [1, 19] : [0, 1, 7, 1023, 70001]
    return CollectiveProblem.Kind.allCases.flatMap { kind in
      ElementType.allCases.flatMap { elementType in
        counts.flatMap { problems(kind, $0, elementType, ranks: ranks) }
      }
    }
  }

  private static func problems(
    _ kind: CollectiveProblem.Kind, _ count: Int, _ elementType: ElementType, ranks: Int
  ) -> [CollectiveProblem] {
    if kind == .recut {
      return [
        CollectiveProblem(kind: kind, rows: 5, count: min(count, 1023), elementType: elementType, isSkewed: count > 7)
      ]
    }
    var problems = [CollectiveProblem(kind: kind, count: count, elementType: elementType)]
    // Every type, operation and number of addends is a kernel of its own to compile.
    if kind.joins, elementType == .f32 || ranks == 3 {
      problems += [.max, .min].map {
        CollectiveProblem(kind: kind, count: count, elementType: elementType, operation: $0)
      }
    }
    if kind.worksInPlace {
      problems.append(CollectiveProblem(kind: kind, count: count, elementType: elementType, isInPlace: true))
    }
    let isCut = ![.allReduce, .reduce, .broadcast].contains(kind)
    if isCut {
      problems.append(CollectiveProblem(kind: kind, count: count, elementType: elementType, isSkewed: true))
      if kind != .allToAll, count <= 1023 {
        problems.append(CollectiveProblem(kind: kind, rows: 3, count: count, elementType: elementType))
      }
    }
    return problems
  }
}

extension TransportKind {
  fileprivate var caseName: String { self == .hostStaged ? "host-staged" : "context" }
}
