// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCL
import ShardCompute
import TestSupport
import Testing

@testable import ShardCLCommand

@Suite("tune") struct TuneTests {
  @Test(
    "has 64 for a request that is wrong",
    arguments: [
      ["--devices", "host"], ["--shape", "0x1x1"], ["--shape", "1x64"], ["--seconds", "-1"],
      ["--model", "a", "--shape", "1x1x1"], ["--shape", "1x64x33", "--dtype", "q8_0"], ["--dtype", "f64"],
    ])
  func usage(arguments: [String]) throws {
    let run = try Program.run(["tune"] + arguments)
    #expect(run.status == 64, "\(arguments): \(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test("has 64 where nothing may be kept", .enabled(if: TestDevices.kinds.contains(.context)))
  func off() throws {
    let arguments = ["tune", "--devices", "cpu", "--shape", "1x64x64", "--seconds", "0"]
    let run = try Program.run(arguments, environment: ["SHARDCL_TUNING": "off"])
    #expect(run.status == 64)
    #expect(run.errors.contains("--dry-run"))
    #expect(try Program.run(arguments + ["--dry-run"], environment: ["SHARDCL_TUNING": "off"]).status == 0)
  }

  @Test("searches, and keeps what it says it keeps", .enabled(if: TestDevices.kinds.contains(.context)))
  func search() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try Program.run(
      "tune", "--devices", "cpu/2", "--shape", "1,2x100x128", "--dtype", "f32", "--dtype", "q8_0", "--seconds", "0.2",
      "--json", environment: ["SHARDCL_TUNING": folder.path])
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    let records = try run.output.split(separator: "\n").map {
      try JSONDecoder().decode(TuningRecord.self, from: Data($0.utf8))
    }
    // Both halves of the device are alike.
    #expect(records.map(\.shapeClass) == ["1x128x128", "2x128x128", "1x128x128", "2x128x128"])
    #expect(records.map(\.kernel) == ["gemv/panels", "gemv/panels", "gemv/blocks", "gemv/blocks"])
    for record in records {
      #expect(record.wrong.isEmpty)
      #expect((record.stored != nil) == (record.ratio > 1.02))
      #expect(record.formulaGFLOPS > 0)
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    #expect(Set(records.compactMap(\.stored).map { URL(filePath: $0).lastPathComponent }) == Set(files))
  }

  @Test("a dry run prints a table and keeps nothing", .enabled(if: TestDevices.kinds.contains(.context)))
  func dryRun() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    let run = try Program.run(
      "tune", "--devices", "cpu", "--shape", "1x64x64", "--seconds", "0.1", "--dry-run",
      environment: ["SHARDCL_TUNING": folder.path])
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    #expect(run.output.contains("| gemv/panels |"))
    #expect(run.output.hasSuffix("# a dry run stores nothing\n"))
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test(
    "a malformed file ends any command with 65, its name and the field",
    .enabled(if: TestDevices.kinds.contains(.context)))
  func malformedFile() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let device = try #require(try DeviceCatalog.open("cpu").first as? OpenCLDevice)
    let file = try #require(TuningDatabase(folder: folder).file(for: try device.identity()))
    try Data(#"{"schema": "shardcl.tuning/9"}"#.utf8).write(to: file)
    for arguments in [
      ["tune", "--shape", "1x64x64"], ["bench", "matmul", "--shape", "1x64x64"], ["verify", "--small"],
    ] {
      let run = try Program.run(arguments + ["--devices", "cpu"], environment: ["SHARDCL_TUNING": folder.path])
      #expect(run.status == 65, "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty)
      #expect(run.errors.contains("\(file.lastPathComponent): schema is shardcl.tuning/9"), "\(run.errors)")
    }
  }

  @Test("--explain names kernel, parameters, origin and every refusal, for each rank")
  func explain() throws {
    let hasOpenCL = TestDevices.kinds.contains(.context)
    let devices = hasOpenCL ? "cpu/2,host" : "host/3"
    let arguments = [
      "bench", "matmul", "--devices", devices, "--shape", "3x200x64", "--layout", "column", "--repeat", "1",
      "--explain",
    ]
    let environment = ["SHARDCL_TUNING": "off"]
    let run = try Program.run(arguments, environment: environment)
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    #expect(run.output.contains("# 3x200x64 f32 column\n"))
    #expect(run.output.contains("host/gemv runs\n"))
    let kernels = try Program.run(arguments + ["--json"], environment: environment).objects().filter {
      $0["schema"] as? String == "shardcl.kernel/1"
    }
    #expect(kernels.map { $0["rank"] as? Int } == [0, 1, 2])
    #expect(kernels.map { $0["n"] as? Int ?? 0 }.reduce(0, +) == 200)
    guard hasOpenCL else { return }
    #expect(run.output.contains("gemv/panels runs, formula parameters: panels "))
    #expect(run.output.contains("gemm/tiled: made for GPUs\n"))
    #expect(kernels[0]["kernel"] as? String == "gemv/panels")
    #expect(kernels[0]["origin"] as? String == "formula")
    #expect((kernels[0]["refusals"] as? [String: String])?["gemm/tiled"] == "made for GPUs")
    let tune = try Program.run(
      "tune", "--devices", devices, "--shape", "3x200x64", "--explain", environment: environment)
    #expect(tune.status == 0)
    #expect(tune.output.contains("gemv/panels runs, formula parameters: panels "))
  }
}
