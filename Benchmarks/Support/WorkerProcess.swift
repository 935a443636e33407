// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A peer in a process of its own that waits at a pipe while others are timed: a line asks, a line answers. Asking takes
/// some 0.1 ms of a sample of a tenth of a second.
package final class WorkerProcess {
  private let name: String
  private let process = Process()
  private let requests = Pipe()
  private let answers = Pipe()

  /// Starts `command`, which is looked for on `PATH`; `name` is what errors call it.
  package init(_ name: String, _ command: [String]) throws {
    // A worker that ends must be an error of the next write, not the end of this process.
    signal(SIGPIPE, SIG_IGN)
    self.name = name
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardInput = requests
    process.standardOutput = answers
    try process.run()
  }

  deinit {
    try? requests.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  /// Writes a line.
  package func send(_ request: String) throws { try write(Data((request + "\n").utf8)) }

  /// Writes bytes that follow a line.
  package func write(_ bytes: Data) throws { try requests.fileHandleForWriting.write(contentsOf: bytes) }

  /// Reads `byteCount` bytes, or fewer where that is what there is so far; one at least.
  package func read(upTo byteCount: Int) throws -> Data {
    guard let part = try answers.fileHandleForReading.read(upToCount: byteCount), !part.isEmpty else {
      throw BenchmarkError("\(name)'s process has ended; its message is above")
    }
    return part
  }

  /// Reads a line.
  package func answer() throws -> String {
    var line = Data()
    while true {
      let byte = try read(upTo: 1)
      if byte.first == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
  }

  /// What follows `word` and a colon in the answer.
  package func expect(_ word: String) throws -> String {
    let parts = try answer().split(separator: ": ", maxSplits: 1)
    guard let first = parts.first, first == word else {
      throw BenchmarkError("\(name)'s process says \(parts.first ?? "nothing"), not \(word)")
    }
    return parts.count > 1 ? String(parts[1]) : ""
  }
}
