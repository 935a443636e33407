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
}
