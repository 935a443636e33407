// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// PyTorch on the CPU, in a process of its own (`Torch/worker.py`).
package final class TorchProcess {
  /// Version, library and threads.
  package let details: String
  private let worker: WorkerProcess

  /// Starts the Python in which `Scripts/setup --torch` has put PyTorch, else `$PYTHON`, else `python3`.
  ///
  /// - Throws: `BenchmarkError` where there is no PyTorch.
  package init(threads: Int) throws {
    worker = try WorkerProcess(
      "PyTorch", [Self.python, "-c", String(decoding: PackageResources.worker_py, as: UTF8.self)])
    do {
      try worker.send("hello \(threads)")
      details = try worker.answer()
    } catch {
      throw BenchmarkError("\(Self.python) cannot import torch; Scripts/setup --torch installs it")
    }
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
    try worker.send(request)
    for operand in operands {
      try operand.withBytes { bytes throws in
        // Not one copy of all of them.
        for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
          try worker.write(Data(bytes[start..<min(start + 1 << 20, bytes.count)]))
        }
      }
    }
    return try worker.expect("ready")
  }

  /// Does the work `count` times.
  package func run(_ count: Int) throws {
    try worker.send("run \(count)")
    _ = try worker.expect("done")
  }

  /// The `count` floats of the last run.
  package func result(count: Int) throws -> HostMemory {
    try worker.send("result")
    let result = HostMemory(byteCount: 4 * count)
    var done = 0
    while done < result.byteCount {
      let part = try worker.read(upTo: result.byteCount - done)
      result.withMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[done...]).copyBytes(from: part) }
      done += part.count
    }
    return result
  }
}
