// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The built program `shardcl`, run as a child process.
enum Program {
  /// What a run left.
  struct Run {
    let status: Int32
    let output: String
    let errors: String

    /// The objects on standard output, one from each line.
    func objects() throws -> [[String: Any]] {
      try output.split(separator: "\n").map { line in
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
      }
    }
  }

  /// Runs it with `arguments`, and `environment` on top of this process's own.
  static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Run {
    try run(arguments, environment: environment)
  }

  /// Runs it with `arguments`, and `environment` on top of this process's own.
  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Run {
    let folder = try FileManager.default.url(
      for: .itemReplacementDirectory, in: .userDomainMask, appropriateFor: .temporaryDirectory, create: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files rather than pipes: nothing has to be read while it runs, however much a driver writes.
    let files = ["output", "errors"].map { folder.appending(path: $0) }
    for file in files { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    let process = Process()
    process.executableURL = Self.location
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "SHARDCL_DEVICES" }
      .merging(environment) { $1 }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
    return Run(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }

  /// The environment of a machine without any OpenCL driver.
  static let noDriver = ["OCL_ICD_VENDORS": "/nonexistent"]

  /// Beside the tests' own bundle.
  private static let location: URL = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    let beside = bundle ?? URL(filePath: CommandLine.arguments[0])
    return beside.deletingLastPathComponent().appending(path: "shardcl")
  }()
}
