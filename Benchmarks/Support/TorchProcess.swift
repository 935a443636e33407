// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// PyTorch on the CPU, in a process of its own (`Torch/worker.py`) that waits at a pipe while others are timed; asking
/// it takes some 0.1 ms of a sample of a tenth of a second.
package final class TorchProcess {
  /// Version, library and threads.
  package private(set) var details = ""
  private let process = Process()
  private let requests = Pipe()
  private let answers = Pipe()

  /// Starts the Python in which `Scripts/setup --torch` has put PyTorch, else `$PYTHON`, else `python3`.
  ///
  /// - Throws: `BenchmarkError` where there is no PyTorch.
  package init(threads: Int) throws {
    // A worker that ends must be an error of the next write, not the end of this process.
    signal(SIGPIPE, SIG_IGN)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [Self.python, "-c", String(decoding: PackageResources.worker_py, as: UTF8.self)]
    process.standardInput = requests
    process.standardOutput = answers
    try process.run()
    do {
      try send("hello \(threads)")
      details = try answer()
    } catch {
      throw BenchmarkError("\(Self.python) cannot import torch; Scripts/setup --torch installs it")
    }
  }

  deinit {
    try? requests.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  private static var python: String {
    let environment = ProcessInfo.processInfo.environment
    let cache = environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { $0 + "/.cache" } ?? ""
    let installed = cache + "/shardcl/torch/bin/python3"
    return FileManager.default.isExecutableFile(atPath: installed) ? installed : environment["PYTHON"] ?? "python3"
  }

  /// Asks for a work with its operands.
  ///
  /// - Returns: What the worker says of how it does it; empty where there is nothing to say.
  package func prepare(_ request: String, _ operands: [HostMemory]) throws -> String {
    try send(request)
    for operand in operands {
      try operand.withBytes { bytes throws in
        // Not one copy of all of them.
        for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
          let part = bytes[start..<min(start + 1 << 20, bytes.count)]
          try requests.fileHandleForWriting.write(contentsOf: Data(part))
        }
      }
    }
    return try expect("ready")
  }

  /// Does the work `count` times.
  package func run(_ count: Int) throws {
    try send("run \(count)")
    _ = try expect("done")
  }

  /// The `count` floats of the last run.
  package func result(count: Int) throws -> HostMemory {
    try send("result")
    let result = HostMemory(byteCount: 4 * count)
    var done = 0
    while done < result.byteCount {
      guard let part = try answers.fileHandleForReading.read(upToCount: result.byteCount - done), !part.isEmpty else {
        throw ended()
      }
      result.withMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[done...]).copyBytes(from: part) }
      done += part.count
    }
    return result
  }

  private func send(_ request: String) throws {
    try requests.fileHandleForWriting.write(contentsOf: Data((request + "\n").utf8))
  }

  private func answer() throws -> String {
    var line = Data()
    while let byte = try answers.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
      if byte.first == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    throw ended()
  }

  /// What follows `word` and a colon in the answer.
  private func expect(_ word: String) throws -> String {
    let parts = try answer().split(separator: ": ", maxSplits: 1)
    guard let first = parts.first, first == word else {
      throw BenchmarkError("PyTorch's process says \(parts.first ?? "nothing"), not \(word)")
    }
    return parts.count > 1 ? String(parts[1]) : ""
  }

  private func ended() -> BenchmarkError { BenchmarkError("PyTorch's process has ended; its message is above") }
}
