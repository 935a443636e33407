// SPDX-License-Identifier: Apache-2.0

extension ComputeDevice {
  /// Calls `command`, which enqueues one command of a device, without ever compiling on the calling thread.
  ///
  /// A kernel that is not built yet is built on a thread of its own, and `command` is called again: so that a first use
  /// does not block Swift's cooperative pool. Methods of this protocol find their kernels before they change anything.
  package func enqueue(_ command: () throws -> Void) async throws {
    while true {
      do {
        return try KernelLibrary.$mayBuild.withValue(false, operation: command)
      } catch let missing as MissingKernel {
        try await missing.build()
      }
    }
  }

  /// Enqueues a product without ever compiling on the calling thread.
  ///
  /// Each piece of a weight is a command of its own: one that reads C must not run again because the next one's kernel
  /// was not built yet.
  package func enqueue(_ product: Product) async throws {
    for piece in try product.pieces { try await enqueue { try multiply(piece) } }
  }
}
