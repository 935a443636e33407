// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import Foundation

/// Open MPI's all-reduce in processes of its own (`OpenMPI/worker.c`), one for each rank on a core of its own.
final class MPIProcess {
  /// Version and processes.
  let details: String
  private let worker: WorkerProcess

  /// Builds the worker with `mpicc`, and starts it `ranks` times.
  ///
  /// - Throws: `BenchmarkError` where there is no Open MPI.
  init(ranks: Int) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "shardcl-mpi-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // The worker has opened what it needs by the time it answers.
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = folder.appending(path: "worker").path
    try Self.build(program, in: folder)
    for rank in 1..<max(ranks, 1) {
      let path = folder.appending(path: "\(rank)").path
      guard mkfifo(path, 0o600) == 0 else { throw BenchmarkError("mkfifo \(path)", errno) }
    }
    worker = try WorkerProcess(
      "Open MPI",
      ["mpirun", "-np", "\(ranks)", "--allow-run-as-root", "--bind-to", "core", program, folder.path])
    do {
      try worker.send("hello")
      details = try worker.answer()
    } catch {
      throw BenchmarkError("mpirun -np \(ranks) --bind-to core does not run, see above")
    }
  }

  private static func build(_ program: String, in folder: URL) throws {
    let source = folder.appending(path: "worker.c")
    try Data(PackageResources.worker_c).write(to: source)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["mpicc", "-O2", "-o", program, source.path]
    // Swift brings its own C compiler; there may be no other.
    process.environment = ProcessInfo.processInfo.environment.merging(["OMPI_CC": "clang"]) { own, _ in own }
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw BenchmarkError("mpicc cannot build the worker; Scripts/setup --benchmarks installs Open MPI")
    }
  }

  /// Makes operands of `count` floats and adds them once.
  ///
  /// - Returns: Elements on all ranks that are not exact.
  func prepare(count: Int) throws -> Int {
    try worker.send("prepare \(count)")
    guard let wrong = Int(try worker.expect("ready")) else { throw BenchmarkError("Open MPI's process counts nothing") }
    return wrong
  }

  /// Adds `count` times.
  func run(_ count: Int) throws {
    try worker.send("run \(count)")
    _ = try worker.expect("done")
  }
}
