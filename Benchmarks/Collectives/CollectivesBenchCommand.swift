// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BenchSupport
import Foundation
import ShardCL
import ShardCompute

@main
struct CollectivesBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collectives-bench",
    abstract: "Compares ShardCL's all-reduce with Open MPI's and with copying memory.",
    discussion: """
      Every result is checked before it is timed, and is exact. Lines that start with # are settings.
      Exit code 1: a result is wrong. That a target is missed is no failure.
      """)

  @Option(
    name: [.customLong("only"), .customLong("work")],
    help: "A work of the table, or the start of several ones' names; repeatable. (default: all)")
  var only: [String] = []

  @Flag(name: .customLong("no-mpi"), help: "Leave Open MPI out.")
  var noMPI = false

  @Option(help: "The ranks, as shardcl devices lists them; Open MPI gets as many processes.")
  var device = "cpu/2"

  @Option(help: "How long to measure each work; at least five rounds are run.")
  var seconds = 3.0

  @Flag(help: "Print one JSON object per line instead of a table.")
  var json = false

  @Option(help: "Write one JSON object per line to this file too.")
  var output: String?

  @Flag(help: "Print the names of the works, and nothing else.")
  var list = false

  func validate() throws {
    guard (0...3600).contains(seconds) else { throw ValidationError("\(seconds) seconds; 0 to 3600 are possible") }
    _ = try works()
  }

  func run() async throws {
    let works = try works()
    if list { return print(works.map(\.name).joined(separator: "\n")) }
    var settings = try Settings(opening: device, seconds: seconds)
    let peer: MPIProcess?
    (peer, settings.peer) = openPeer(ranks: settings.mesh.count)
    let table = Table(works)
    if !json { emit((settings.lines + ["", table.header]).joined(separator: "\n")) }
    var rows: [Row] = []
    for work in works {
      let row = try await measure(work, on: settings.mesh, peer)
      emit(json ? try Record(row, settings).json : table.line(row))
      rows.append(row)
    }
    if !json { emit("# targets met: \(rows.count { $0.isMet == true }) of \(rows.count { $0.isMet != nil })") }
    if let output {
      let lines = try rows.map { try Record($0, settings).json + "\n" }
      try lines.joined().write(toFile: output, atomically: true, encoding: .utf8)
    }
    guard rows.allSatisfy(\.isRight) else { throw ExitCode(1) }
  }

  private func measure(_ work: Work, on mesh: DeviceMesh, _ peer: MPIProcess?) async throws -> Row {
    let subject = try Subject(work, on: mesh)
    let wrong = try await subject.wrongElements()
    let peerWrong = try peer?.prepare(count: work.count)
    let entries = [
      PairedTiming.Entry(run: subject.chain), PairedTiming.Entry(run: subject.alone),
      PairedTiming.Entry(run: subject.copy),
    ]
    let samples = try await PairedTiming(seconds: seconds).samples(
      of: entries + (peer.map { [PairedTiming.Entry(run: $0.run)] } ?? []))
    return Row(work, ranks: mesh.count, samples: samples, wrong: wrong, peerWrong: peerWrong)
  }

  /// Open MPI, and what there is to say of it.
  private func openPeer(ranks: Int) -> (process: MPIProcess?, details: String) {
    if noMPI { return (nil, "left out (--no-mpi)") }
    do {
      let process = try MPIProcess(ranks: ranks)
      return (process, process.details)
    } catch {
      return (nil, "none; \(error)")
    }
  }

  private func works() throws -> [Work] {
    if only.isEmpty { return Work.all }
    return try only.flatMap { name in
      let found = Work.all.filter { $0.name == name }
      let works = found.isEmpty ? Work.all.filter { $0.name.hasPrefix(name) } : found
      guard !works.isEmpty else { throw ValidationError("no work \(name); --list prints their names") }
      return works
    }
  }
}
