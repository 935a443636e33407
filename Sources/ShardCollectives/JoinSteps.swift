// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A tree of any size as steps of at most `Reduction.maximumAddends` each; later steps use what earlier ones left.
struct JoinSteps: Sendable {
  /// Where a step finds an addend.
  enum Source: Hashable, Sendable {
    /// The addend at a position in the list.
    case addend(Int)
    /// The result of an earlier step.
    case step(Int)
  }

  /// One join; the last one makes the result.
  struct Step: Hashable, Sendable {
    let tree: ReductionTree
    /// The addends of `tree`, in its order.
    let sources: [Source]
  }

  let steps: [Step]

  init(_ tree: ReductionTree, limit: Int = Reduction.maximumAddends) {
    var builder = Builder(limit: limit)
    let top = builder.collapse(tree)
    steps = builder.steps + [builder.step(top)]
  }

  /// Results that must be kept until the last step.
  var intermediateCount: Int { steps.count - 1 }

  private struct Builder {
    let limit: Int
    var steps: [Step] = []
    /// Positions in the trees at hand stand for these.
    var sources: [Source] = []

    init(limit: Int) { self.limit = limit }

    /// A tree of the same sum with at most `limit` addends: larger parts become steps.
    mutating func collapse(_ tree: ReductionTree) -> ReductionTree {
      switch tree {
      case .addend(let position):
        return .addend(name(.addend(position)))
      case .join(let left, let right):
        var (first, second) = (collapse(left), collapse(right))
        while first.count + second.count > limit {
          if first.count >= second.count { first = make(first) } else { second = make(second) }
        }
        return .join(first, second)
      }
    }

    /// Turns a tree into a step, and gives the addend that stands for it.
    private mutating func make(_ tree: ReductionTree) -> ReductionTree {
      steps.append(step(tree))
      return .addend(name(.step(steps.count - 1)))
    }

    private mutating func name(_ source: Source) -> Int {
      sources.append(source)
      return sources.count - 1
    }

    /// The step of a tree, its addends counted from 0 in their order.
    func step(_ tree: ReductionTree) -> Step {
      var used: [Source] = []
      func renumber(_ tree: ReductionTree) -> ReductionTree {
        switch tree {
        case .addend(let position):
          used.append(sources[position])
          return .addend(used.count - 1)
        case .join(let left, let right):
          let first = renumber(left)
          return .join(first, renumber(right))
        }
      }
      let renumbered = renumber(tree)
      return Step(tree: renumbered, sources: used)
    }
  }
}
