// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

@main
struct GemmBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gemm-bench",
    abstract: "Compares f32 products of several libraries, in one process and in turns.",
    discussion: """
      C = A · Bᵀ, row-major, A m × k, B n × k. Every result is checked exactly. Lines that start with # are settings.
      OpenBLAS takes its kernels from OPENBLAS_CORETYPE if that is set (Haswell, Zen, SkylakeX); compare with the fastest.
      """)

  @Option(help: "A shape, MxNxK or N for a square one; repeatable. (default: 512, 1024, 2048, 4096)")
  var shape: [Shape] = []

  @Option(help: "The libraries, separated by commas; ratios are to the first.")
  var peers = "openblas,clblast"

  @Option(help: "Threads of OpenBLAS.")
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "The OpenCL device, counted over all platforms as clinfo -l lists them.")
  var device = 0

  @Option(help: "How long to measure each shape; at least five rounds are run.")
  var seconds = 3.0

  @Flag(help: "One JSON object per line instead of a table.")
  var json = false

  func validate() throws {
    guard threads > 0, device >= 0, seconds >= 0 else {
      throw ValidationError("threads must be positive, device and seconds not negative")
    }
  }

  func run() throws {
    let session = try? OpenCLSession(deviceIndex: device)
    let contestants = try peers.split(separator: ",").map { try peer(String($0), session) }
    guard let first = contestants.first else { throw ValidationError("--peers names no library") }
    let peak = try session.map { try FMAPeak(session: $0) }
    if !json {
      for peer in contestants { print("# \(peer.name): \(peer.details)") }
      print("# FMA peak: \(peak?.details ?? "not measured, there is no OpenCL device \(device)")")
      print(Row.header(first: first.name))
    }
    let comparison = Comparison(peers: contestants, peak: peak, seconds: seconds)
    let sizes = shape.isEmpty ? ["512", "1024", "2048", "4096"].compactMap { Shape(argument: $0) } : shape
    var allExact = true
    for size in sizes {
      for row in try comparison.rows(for: Problem(size)) {
        print(json ? try row.json : row.line(first: first.name))
        allExact = allExact && row.wrongRows == 0
      }
    }
    guard allExact else { throw ExitCode(1) }
  }

  private func peer(_ name: String, _ session: OpenCLSession?) throws -> any Peer {
    switch name.lowercased() {
    case "openblas": return OpenBLASPeer(threads: threads)
    case "clblast":
      guard let session else {
        throw BenchmarkError("CLBlast needs an OpenCL device, and there is no device \(device)")
      }
      return CLBlastPeer(session: session)
    default: throw ValidationError("no library \(name); there are openblas, clblast")
    }
  }
}
