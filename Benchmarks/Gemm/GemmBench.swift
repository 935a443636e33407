// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import OpenCLKit
import ShardCL
import ShardCompute

@main
struct GemmBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gemm-bench",
    abstract: "Compares f32 products of several libraries, in one process and in turns.",
    discussion: """
      C = A · Bᵀ, row-major, A m × k, B n × k. Every result is checked exactly. Lines that start with # are settings.
      OpenBLAS takes its kernels from OPENBLAS_CORETYPE if that is set (Haswell, Zen, SkylakeX); compare with the fastest.
      """)

  @Option(help: "A shape, MxNxK or N for a square one; repeatable. (default: 512, 1024, 2048, 4096)")
  var shape: [Shape] = []

  @Option(
    help: "openblas, shardcl, host (ShardCL's CPU fallback) and clblast, separated by commas; ratios are to the first.")
  var peers = "openblas,shardcl,host,clblast"

  @Option(help: "Threads of OpenBLAS.")
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "The OpenCL device, as shardcl devices lists it.")
  var device = "cpu"

  @Option(help: "How long to measure each shape; at least five rounds are run.")
  var seconds = 3.0

  @Flag(help: "One JSON object per line instead of a table.")
  var json = false

  func validate() throws {
    guard threads > 0, seconds >= 0 else {
      throw ValidationError("threads must be positive, seconds not negative")
    }
  }

  func run() async throws {
    // OpenBLAS's threads spin and so keep their cores; PoCL's sleep between commands.
    let pinned = DriverEnvironment.pinPoCLThreads()
    guard let device = try DeviceCatalog.open(device).first else { throw BenchmarkError("no device \(device)") }
    let contestants = try peers.split(separator: ",").map { try peer(String($0), device) }
    guard let first = contestants.first else { throw ValidationError("--peers names no library") }
    if !json {
      for peer in contestants { print("# \(peer.name): \(peer.details)") }
      print(
        "# FMA peak: measured on \(device.name) in the same rounds; PoCL's threads \(pinned ? "pinned" : "not pinned")")
      print(Row.header(first: first.name))
    }
    let comparison = Comparison(peers: contestants, device: device, seconds: seconds)
    let sizes = shape.isEmpty ? ["512", "1024", "2048", "4096"].compactMap { Shape(argument: $0) } : shape
    var allExact = true
    for size in sizes {
      for row in try await comparison.rows(for: Problem(size)) {
        print(json ? try row.json : row.line(first: first.name))
        allExact = allExact && row.wrongRows == 0
      }
    }
    guard allExact else { throw ExitCode(1) }
  }

  private func peer(_ name: String, _ device: any ComputeDevice) throws -> any Peer {
    switch name.lowercased() {
    case "openblas": return OpenBLASPeer(threads: threads)
    case "shardcl": return ShardCLPeer(name: "ShardCL", device: device)
    case "host": return ShardCLPeer(name: "host", device: HostDevice(workers: threads))
    case "clblast": return CLBlastPeer(session: try OpenCLSession(named: device.name))
    default: throw ValidationError("no library \(name); there are openblas, shardcl, host, clblast")
    }
  }
}
