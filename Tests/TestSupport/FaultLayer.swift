// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The loader layer of `Tests/FaultLayer`, which makes the OpenCL calls of a child process fail or late, and counts them.
package struct FaultLayer: Sendable {
  /// The built layer.
  package let library: URL

  /// A clang that could not build the layer.
  package struct BuildError: Error {
    /// What it said.
    package let message: String
  }

  /// Builds the layer, once in a process, with the clang of the Swift toolchain.
  package static let shared = Result { try FaultLayer() }

  private init() throws {
    let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "FaultLayer/fault_layer.c")
    let folder = FileManager.default.temporaryDirectory.appending(path: "shardcl-fault-layer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    library = folder.appending(path: "libfault_layer.so")
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "clang", "-shared", "-fPIC", "-O1", "-std=c17", "-Wall", "-Wextra", "-Werror", "-o", library.path, source.path,
    ]
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw BuildError(message: String(decoding: output, as: UTF8.self))
    }
  }

  /// What one call of an entry point does instead of its work.
  package struct Fault: Sendable, CustomStringConvertible {
    let call: String
    let number: Int
    let queue: Int?
    var status = -5
    var delayMilliseconds = 0
    var isLasting = false

    /// Call `number`, from 1, of `call`, on a queue (a rank) where one is given, fails with `status`, or begins late
    /// (−1: never).
    package init(
      _ call: String, number: Int = 1, queue: Int? = nil, status: Int = -5, delayMilliseconds: Int = 0,
      isLasting: Bool = false
    ) {
      (self.call, self.number, self.queue) = (call, number, queue)
      (self.status, self.delayMilliseconds, self.isLasting) = (status, delayMilliseconds, isLasting)
    }

    /// The variables that ask for it.
    var environment: [String: String] {
      [
        "FAULT_CALL": call, "FAULT_NTH": "\(number)", "FAULT_QUEUE": "\(queue ?? -1)", "FAULT_STATUS": "\(status)",
        "FAULT_DELAY_MS": "\(delayMilliseconds)", "FAULT_LASTING": isLasting ? "1" : "0",
      ]
    }

    /// The call, its number, its queue.
    package var description: String { "\(call) \(number)\(queue.map { " on queue \($0)" } ?? "")" }
  }

  /// The environment that loads the layer, with a fault, a report to `report`, and other settings of the layer.
  package func environment(
    _ fault: Fault? = nil, report: URL? = nil, settings: [String: String] = [:]
  ) -> [String: String] {
    var result = (fault?.environment ?? [:]).merging(settings) { $1 }
    result["OPENCL_LAYERS"] = library.path
    result["FAULT_REPORT"] = report?.path
    return result
  }

  /// The counts that a process left.
  package struct Report: Sendable {
    /// Calls of each entry point by queue; −1 for calls that are on none.
    package var calls: [String: [Int: Int]] = [:]
    /// Objects by kind: made in all.
    package var created: [String: Int] = [:]
    /// Objects by kind: not released when the process ended.
    package var live: [String: Int] = [:]
    /// Arguments of a kernel that one thread set between another's first argument and launch.
    package var argumentRaces = 0
    /// Calls that were disturbed.
    package var struck = 0

    /// Reads what the layer wrote.
    package init(_ file: URL) throws {
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        guard let value = words.last.flatMap(Int.init) else { continue }
        switch words.first {
        case "calls" where words.count == 4: calls[words[1], default: [:]][Int(words[2]) ?? -1] = value
        case "created": created[words[1]] = value
        case "live": live[words[1]] = value
        case "argument-races": argumentRaces = value
        case "struck": struck = value
        default: continue
        }
      }
    }
  }
}
