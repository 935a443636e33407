// SPDX-License-Identifier: Apache-2.0

/// A benchmark that cannot go on, and why.
package struct BenchmarkError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }

  package init(_ call: String, _ status: Int32) { description = "\(call) failed with status \(status)" }
}
