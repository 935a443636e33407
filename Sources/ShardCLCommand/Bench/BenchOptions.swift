// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ShardCL

/// The options that every bench has.
struct BenchOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "Devices, such as cpu/2 or pocl:0,host (default: $SHARDCL_DEVICES, else all).")
  var devices: String?

  @Option(help: "Seconds to measure each.")
  var seconds: Double = 1

  @Option(help: "Repeat each exactly so often, instead of --seconds.")
  var `repeat`: Int?

  @Option(help: "What random numbers follow from.")
  var seed: UInt64 = 1

  @Flag(help: "Skip the checks.")
  var noCheck = false

  @Flag(help: "One JSON object per line instead of a table.")
  var json = false

  @Option(name: .shortAndLong, help: "Also write the JSON lines to this file.")
  var output: String?

  func validate() throws {
    guard seconds >= 0, seconds <= 86400 else { throw ValidationError("--seconds is 0 to 86400, not \(seconds)") }
    guard self.repeat.map({ (1...1_000_000).contains($0) }) ?? true else {
      throw ValidationError("--repeat is 1 to 1000000")
    }
  }

  /// How long each is measured.
  var budget: TimingBudget { TimingBudget(seconds: seconds, rounds: self.repeat) }
}
