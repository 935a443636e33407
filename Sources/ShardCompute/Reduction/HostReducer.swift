// SPDX-License-Identifier: Apache-2.0
import CShardHost

/// Joins vectors that lie in host memory, on the calling thread: the reducer of the CPU fallback and of host-staged
/// collectives.
package struct HostReducer: Sendable {
  private let program: [UInt8]
  private let elementType: ElementType
  private let operation: Reduction.Operation

  /// A reducer for `tree.count` addends.
  package init(tree: ReductionTree, elementType: ElementType, operation: Reduction.Operation) {
    precondition(tree.count <= Reduction.maximumAddends, "more addends than a reduction takes")
    program = tree.program
    self.elementType = elementType
    self.operation = operation
  }

  /// The reducer of a checked reduction.
  init(_ reduction: Reduction) {
    self.init(tree: reduction.tree, elementType: reduction.elementType, operation: reduction.operation)
  }

  /// Joins elements `range`; `destination` may be one of the addends.
  package func run(_ addends: [UnsafeRawPointer], into destination: UnsafeMutableRawPointer, _ range: Range<Int>) {
    let done = addends.withUnsafeBufferPointer { pointers in
      pointers.withMemoryRebound(to: UnsafeRawPointer?.self) {
        shard_host_reduce(
          operation.hostOperation, elementType.hostType, $0.baseAddress, pointers.count, program, program.count,
          destination, range.lowerBound, range.upperBound)
      }
    }
    precondition(done, "the tree of a reduction uses each addend once")
  }
}

extension ElementType {
  var hostType: shard_host_type {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }
}

extension Reduction.Operation {
  fileprivate var hostOperation: shard_host_operation {
    switch self {
    case .sum: .sum
    case .max: .max
    case .min: .min
    }
  }
}
