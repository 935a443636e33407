// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import ShardCL
import ShardCompute

/// `shardcl verify`: every kernel and collective against the CPU.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Run every kernel and collective against the CPU.",
    discussion: """
      Shapes, element types, layouts and 1 to 8 ranks; where there are fewer devices, ranks share them. Each case runs \
      on random numbers (largest error in units of the bound, bits equal to the CPU fallback's) and on whole numbers \
      whose sums are exact (no element may differ). On two cores, eight separate ranks need \
      POCL_MAX_PTHREAD_COUNT=8 and --devices cpu/8.
      """)

  @Option(name: .shortAndLong, help: "Devices, such as cpu/2 or pocl:0,host (default: $SHARDCL_DEVICES, else all).")
  var devices: String?

  @Flag(help: "Few and small shapes, for simulators of devices.")
  var small = false

  @Option(
    name: .customLong("case"), help: "Only this case, or all whose names begin with it, such as collective/all-reduce.")
  var pattern: String?

  @Option(help: "What numbers follow from.")
  var seed: UInt64 = 1

  @Flag(help: "One JSON object per case instead of a table.")
  var json = false

  func run() async throws {
    let output = try ResultOutput()
    let verification = try Verification(
      of: try DeviceCatalog.open(devices), extent: small ? .small : .full, seed: seed, selecting: pattern)
    var report = VerifyReport(verification, devices: devices)
    let progress = Progress()
    let start = ContinuousClock.now
    try await verification.run { record in
      if json { try output.print(JSONLines().line(record)) }
      report.append(record)
      progress.show(report.count, of: verification.count, record.name)
    }
    progress.clear()
    if !json { for line in report.lines(seconds: start.duration(to: .now).seconds) { try output.print(line) } }
    for line in report.failures { FileHandle.standardError.write(Data((line + "\n").utf8)) }
    if report.failed > 0 { throw ExitCode(Status.checkFailed.rawValue) }
  }
}
