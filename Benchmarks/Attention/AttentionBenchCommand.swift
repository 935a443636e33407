// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BenchSupport
import Foundation
import ShardCL
import ShardCompute

@main
struct AttentionBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention-bench",
    abstract:
      "Compares ShardCL's attention, and what lies between products, with PyTorch and with the device's limits.",
    discussion: """
      Every result is checked before it is timed, against the formula in f64. Lines that start with # are settings.
      Exit code 1: a result is wrong. That a target is missed is no failure.
      """)

  @Option(
    name: [.customLong("only"), .customLong("work")],
    help: "A work of the table, or the start of several ones' names, such as rows-cache; repeatable. (default: all)")
  var only: [String] = []

  @Flag(help: "Leave PyTorch out.")
  var noTorch = false

  @Option(help: "Threads of PyTorch.")
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "The device, as shardcl devices lists it.")
  var device = "cpu"

  @Option(help: "How long to measure each work; at least five rounds are run.")
  var seconds = 3.0

  @Flag(help: "Print one JSON object per line instead of a table.")
  var json = false

  @Option(help: "Write one JSON object per line to this file too.")
  var output: String?

  @Flag(help: "Print the names of the works, and nothing else.")
  var list = false

  func validate() throws {
    guard (1...4096).contains(threads), (0...3600).contains(seconds) else {
      throw ValidationError("\(threads) threads, \(seconds) seconds; 1 to 4096 and 0 to 3600 are possible")
    }
    _ = try works()
  }

  func run() async throws {
    let works = try works()
    if list { return print(works.map(\.name).joined(separator: "\n")) }
    let opened = try DeviceSettings(opening: device)
    let torch = torch(for: works)
    let settings = Settings(opened: opened, torch: torch.details, seconds: seconds)
    let table = Table(works)
    if !json { emit((settings.lines + [table.header]).joined(separator: "\n")) }
    let rows = try await measure(works, Arena(device: opened.device, torch: torch.process)) { row in
      emit(json ? try Record(row, settings).json : table.line(row))
    }
    if !json { emit(Self.summary(rows)) }
    if let output {
      let lines = try rows.map { try Record($0, settings).json + "\n" }
      try lines.joined().write(toFile: output, atomically: true, encoding: .utf8)
    }
    guard rows.allSatisfy(\.isRight) else { throw ExitCode(1) }
  }

  /// The rows of `works`; those that the device cannot do are named on standard error.
  private func measure(_ works: [Work], _ arena: Arena, _ show: (Row) throws -> Void) async throws -> [Row] {
    let timing = PairedTiming(seconds: seconds)
    var rows: [Row] = []
    for work in works {
      do {
        let contest = try await arena.contest(for: work)
        let entries = [contest.run] + [contest.peer?.run].compactMap(\.self)
        let samples = try await timing.samples(of: entries.map { PairedTiming.Entry(run: $0) })
        let row = Row(work, contest, samples: samples)
        try show(row)
        rows.append(row)
      } catch ComputeError.unsupported(let reason) {
        warn("attention-bench", "\(work.name) is left out: \(reason)")
      }
    }
    return rows
  }

  private static func summary(_ rows: [Row]) -> String {
    "# targets met: \(rows.count { $0.isMet == true }) of \(rows.count { $0.isMet != nil })"
  }

  /// PyTorch where a work is compared with it, and what there is to say of it.
  private func torch(for works: [Work]) -> (process: TorchProcess?, details: String) {
    if noTorch { return (nil, "left out (--no-torch)") }
    guard works.contains(where: { $0.peer == .torch }) else { return (nil, "no work is compared with it") }
    do {
      let process = try TorchProcess(threads: threads)
      return (process, process.details)
    } catch {
      return (nil, "none; \(error)")
    }
  }

  private func works() throws -> [Work] {
    let all = try Work.all()
    if only.isEmpty { return all }
    return try only.flatMap { name in
      let found = all.filter { $0.name == name }
      let works = found.isEmpty ? all.filter { $0.name.hasPrefix(name) } : found
      guard !works.isEmpty else { throw ValidationError("no work \(name); --list prints their names") }
      return works
    }
  }
}
