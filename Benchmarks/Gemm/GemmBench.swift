// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BenchSupport
import Foundation
import ShardCL
import ShardCompute

@main
struct GemmBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gemm-bench",
    abstract: "Compares ShardCL's products with those of other libraries, in turns.",
    discussion: """
      C = A · Bᵀ, row-major, A m × k, B n × k. Every result is checked exactly. Lines that start with # are settings.
      OpenBLAS takes its kernels from OPENBLAS_CORETYPE if that is set (Haswell, Zen, SkylakeX); compare with the fastest.
      Exit code 1: a result is wrong. That a target is missed is no failure.
      """)

  @Option(
    help: "A work of the table, or the start of several ones' names, such as decode-q; repeatable. (default: all)")
  var work: [String] = []

  @Option(help: "Another shape instead, MxNxK or N for a square one; repeatable.")
  var shape: [Shape] = []

  @Option(
    help: "How the weights of --shape are stored: \(WeightFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format: [String] = ["f32"]

  @Option(
    help: """
      \(PeerName.allCases.map(\.rawValue).joined(separator: ", ")), separated by commas; host is ShardCL's CPU fallback, \
      f32 its own f32 product beside other formats. (default: openblas,f32, and clblast on OpenCL devices)
      """)
  var peers: String?

  @Option(help: "Threads of OpenBLAS, PyTorch and the host.")
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "The device, as shardcl devices lists it.")
  var device = "cpu"

  @Option(help: "How long to measure each work; at least five rounds are run.")
  var seconds = 3.0

  @Flag(help: "Print one JSON object per line instead of a table.")
  var json = false

  @Option(help: "Write one JSON object per line to this file too.")
  var output: String?

  @Option(help: "Draw a roofline diagram (SVG) into this file.")
  var roofline: String?

  @Flag(help: "Print the names of the works, and nothing else.")
  var list = false

  func validate() throws {
    guard (1...4096).contains(threads), (0...3600).contains(seconds) else {
      throw ValidationError("\(threads) threads, \(seconds) seconds; 1 to 4096 and 0 to 3600 are possible")
    }
    _ = try works()
    _ = try peerNames()
  }

  func run() async throws {
    if list { return print(try works().map(\.name).joined(separator: "\n")) }
    let opened = try DeviceSettings(opening: device)
    let works = try works()
    let names = try peerNames() ?? [.openBLAS] + (opened.device is OpenCLDevice ? [.clBlast, .f32] : [.f32])
    let contestants = try names.filter { name in works.contains { name.isPeer(of: $0.format) } }
      .map { ($0, try peer($0, opened.device)) }
    let settings = Settings(opened: opened, peers: contestants, seconds: seconds)
    let table = Table(works: works, peers: contestants.map(\.0))
    if !json { emit((settings.lines + [table.header]).joined(separator: "\n")) }
    let rows = try await measure(
      works, Comparison(device: opened.device, peers: contestants, seconds: seconds)
    ) { row in emit(json ? try Record(row, settings).json : table.line(row)) }
    if !json { emit(Self.summary(rows)) }
    if let output {
      let lines = try rows.map { try Record($0, settings).json + "\n" }
      try lines.joined().write(toFile: output, atomically: true, encoding: .utf8)
    }
    if let roofline, !rows.isEmpty {
      try Roofline(rows, settings).svg.write(toFile: roofline, atomically: true, encoding: .utf8)
    }
    guard rows.allSatisfy({ $0.isExact && $0.peers.allSatisfy(\.isExact) }) else { throw ExitCode(1) }
  }

  /// The rows of `works`; those that ShardCL has no kernel for on this device are named on standard error.
  private func measure(_ works: [Work], _ comparison: Comparison, _ show: (Row) throws -> Void) async throws -> [Row] {
    var rows: [Row] = []
    for work in works {
      do {
        let row = try await comparison.row(for: work)
        try show(row)
        rows.append(row)
      } catch ComputeError.unsupported(let reason) {
        warn("gemm-bench", "\(work.name) is left out: \(reason)")
      }
    }
    return rows
  }

  private static func summary(_ rows: [Row]) -> String {
    let scores = rows.flatMap(\.scores)
    return "# targets met: \(scores.count { $0.isMet }) of \(scores.count)"
  }

  private func works() throws -> [Work] {
    let formats = try format.map { name in
      guard let format = WeightFormat(rawValue: name.lowercased()) else {
        throw ValidationError("no format \(name); there are \(WeightFormat.allCases.map(\.rawValue))")
      }
      return format
    }
    let shapes = try shape.flatMap { shape in
      try formats.map { format in
        guard shape.k.isMultiple(of: format.blockLength) else {
          throw ValidationError("\(shape) \(format.rawValue): k must be a multiple of \(format.blockLength)")
        }
        return Work(shape, format)
      }
    }
    let named = try work.flatMap { name in
      let found = Work.all.filter { $0.name == name }
      let works = found.isEmpty ? Work.all.filter { $0.name.hasPrefix(name) } : found
      guard !works.isEmpty else { throw ValidationError("no work \(name); --list prints their names") }
      return works
    }
    return named.isEmpty && shapes.isEmpty ? Work.all : named + shapes
  }

  private func peerNames() throws -> [PeerName]? {
    try peers?.split(separator: ",").map { text in
      guard let name = PeerName(rawValue: text.lowercased()) else {
        throw ValidationError("no peer \(text); there are \(PeerName.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      return name
    }
  }

  private func peer(_ name: PeerName, _ device: any ComputeDevice) throws -> any Peer {
    switch name {
    case .openBLAS: return OpenBLASPeer(threads: threads)
    case .torch: return try TorchPeer(threads: threads)
    case .host: return ShardCLPeer(device: HostDevice(workers: threads))
    case .f32: return ShardCLPeer(device: device)
    case .clBlast:
      guard let opened = device as? OpenCLDevice else {
        throw ValidationError("CLBlast needs an OpenCL device; \(device.selector) is none")
      }
      return CLBlastPeer(session: try OpenCLSession(opened))
    }
  }
}
