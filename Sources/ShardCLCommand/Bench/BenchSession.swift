// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import OpenCLKit
import ShardCL
import ShardCollectives
import ShardCompute

/// The records of a bench as people read them.
protocol BenchReport {
  associatedtype Record: Encodable

  /// Adds what was measured next.
  mutating func append(_ record: Record)
  /// Settings, table, and what it says.
  var lines: [String] { get }
  /// A line for each record that is wrong, with the command that runs it again.
  var failures: [String] { get }
}

/// One run of a bench: its ranks, and where its records go.
struct BenchSession {
  let options: BenchOptions
  let mesh: DeviceMesh
  /// Standard output.
  let results: ResultOutput
  private let file: ResultOutput?
  private let isPinned: Bool

  /// Moves standard output aside, before the devices are opened and drivers print.
  init(_ options: BenchOptions, transport: TransportKind = .automatic) throws {
    self.options = options
    results = try ResultOutput()
    file = try options.output.map(ResultOutput.init(file:))
    isPinned = DriverEnvironment.pinPoCLThreads()
    mesh = try DeviceMesh(selecting: options.devices, transport: transport)
  }

  /// The selectors of all ranks, as `--devices` takes them.
  var devices: String { mesh.ranks.map(\.device.selector).joined(separator: ",") }

  /// What the records depend on, as comments above a table.
  func settings(of bench: String) -> [String] {
    let repeats = options.repeat.map { "\($0) repeats" } ?? "\(options.seconds) s each"
    let unchecked = options.noCheck ? ", not checked" : ""
    return [
      "# shardcl \(RootCommand.version) bench \(bench), \(repeats), seed \(options.seed)\(unchecked)"
    ] + mesh.ranks.map { "# rank \($0.index): \($0.device.selector)  \($0.device.versionedName)" }
      + (isPinned ? ["# PoCL's threads are pinned to cores (POCL_AFFINITY=1)"] : [])
  }

  /// Measures one after the other, and prints the report, or JSON lines as they are made.
  ///
  /// - Parameters:
  ///   - problems: each made when its turn comes: a weight of a model may be large.
  ///   - title: what the progress line calls it.
  /// - Throws: `ExitCode` where a result is wrong.
  func run<Problem, Report: BenchReport>(
    _ problems: [() throws -> Problem], _ report: Report, title: (Problem) -> String,
    measure: (Problem) async throws -> Report.Record, footer: () -> [String] = { [] }
  ) async throws {
    let progress = Progress()
    var report = report
    for (index, make) in problems.enumerated() {
      let problem = try make()
      progress.show(index, of: problems.count, title(problem))
      let record = try await measure(problem)
      progress.clear()
      report.append(record)
      let line = try JSONLines().line(record)
      if options.json { try results.print(line) }
      try file?.print(line)
    }
    if !options.json { for line in report.lines + footer() { try results.print(line) } }
    for line in report.failures { FileHandle.standardError.write(Data((line + "\n").utf8)) }
    if !report.failures.isEmpty { throw ExitCode(Status.checkFailed.rawValue) }
  }
}
