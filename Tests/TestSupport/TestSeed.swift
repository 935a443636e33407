// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A seed as an argument of a test, so that a failure prints it.
public struct TestSeed: Hashable, Sendable, CustomStringConvertible {
  /// The seed itself.
  public let value: UInt64

  /// A seed of a known value.
  public init(_ value: UInt64) { self.value = value }

  /// The line that repeats a run with this seed.
  public var description: String { "SHARDCL_TEST_SEED=\(value)" }

  /// Two fixed seeds and one that differs in each run; only `SHARDCL_TEST_SEED` where it is set.
  public static let fixedAndFresh: [TestSeed] = {
    if let text = ProcessInfo.processInfo.environment["SHARDCL_TEST_SEED"], let value = UInt64(text) {
      return [TestSeed(value)]
    }
    return [TestSeed(1), TestSeed(0x9e37_79b9), TestSeed(.random(in: 0...UInt64.max))]
  }()
}
