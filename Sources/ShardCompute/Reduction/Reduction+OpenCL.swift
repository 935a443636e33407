// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues the join of several addends: `collectives/reduce`, built for the tree.
  public func reduce(_ reduction: Reduction) throws {
    guard reduction.rows > 0, reduction.count > 0 else { return }
    let kernel = try kernel(reduction.tree, reduction.elementType, reduction.operation)
    let run = capabilities.architecture == .gpu ? 4 : max(64, min(reduction.count, 32768 / reduction.addends.count))
    let operands = try (reduction.addends + [reduction.destination]).flatMap {
      [KernelArgument.buffer(try buffer($0.memory)), .long(Int64($0.offset))]
    }
    try kernel.launch(
      on: queue, size: size(items: [(reduction.count + run - 1) / run, reduction.rows]),
      arguments: [
        .long(Int64(reduction.count)), .int(Int32(run)), .long(Int64(reduction.addendStride)),
        .long(Int64(reduction.destinationStride)),
      ] + operands)
  }

  /// Suspends until `reduce` with this tree needs no compiler.
  package func prepare(
    _ tree: ReductionTree, _ elementType: ElementType, _ operation: Reduction.Operation
  ) async throws {
    try await enqueue { _ = try kernel(tree, elementType, operation) }
  }

  private func kernel(
    _ tree: ReductionTree, _ elementType: ElementType, _ operation: Reduction.Operation
  ) throws -> Kernel {
    try library.kernel(
      "collectives/reduce",
      options: [
        "-DADDENDS=\(tree.count)", "-DTREE=\(tree.expression)", "-DOPERATION=\(operation.rawValue.uppercased())",
        "-DELEMENT_TYPE=\(elementType.kernelName)",
        "-DVECTOR=\(capabilities.architecture == .gpu ? 4 : tiles.vector)",
      ])
  }
}
