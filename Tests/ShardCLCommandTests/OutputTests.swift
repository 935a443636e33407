// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCL
import TestSupport
import Testing

@testable import ShardCLCommand

@Suite("output") struct OutputTests {
  @Test("tables line up, and are Markdown")
  func table() {
    var table = Table([.text("name"), .number("GFLOPS")])
    table.append(["a|b", "1"])
    table.append(["Größe ² · ×", "123456.7"])
    let lines = table.lines
    #expect(Set(lines.map(\.count)).count == 1, "\(lines)")
    #expect(lines[1] == "| ----------- | -------: |")
    #expect(lines[2] == "| a\\|b        |        1 |")
  }

  @Test(
    "numbers have the digits that were asked for",
    arguments: [
      (0.0, "0"), (0.000_44, "0.000440"), (1.2345, "1.23"), (156.04, "156"), (123_456.7, "123457"), (1e-9, "1.00e-09"),
      (-0.5, "-0.500"), (.infinity, "inf"), (Double.greatestFiniteMagnitude, "inf"),
    ])
  func numbers(value: Double, text: String) { #expect(Text.number(value) == text) }

  @Test("a bar shows what is done, and the time that passed and is left")
  func progress() {
    let line = Progress.line(0.25, seconds: 70, "what")
    #expect(line.bar == "[#####               ]")
    #expect(line.text == "  25 %  1:10, 3:30 left  what")
    #expect(Progress.line(0, seconds: 9, "x").text == "   0 %  0:09  x")
    #expect(Progress.line(.nan, seconds: 0, "").bar == Progress.line(-1, seconds: 0, "").bar)
    #expect(Progress.line(2, seconds: 3661, "x") == ("[####################]", " 100 %  1:01:01, 0:00 left  x"))
  }

  @Test("shapes may be lists and ranges")
  func shapes() {
    #expect(ShapeList(argument: "512x2048x1K")?.shapes == [Shape(m: 512, n: 2048, k: 1024)])
    #expect(ShapeList(argument: "1,8x2..8*2x3..5+1")?.shapes.count == 2 * 3 * 3)
    #expect(ShapeList(argument: "0x1x0")?.shapes == [Shape(m: 0, n: 1, k: 0)])
    let wrong = [
      "", "x", "1x2", "1x2x3x4", "1x2x-3", "1x2x", "ax2x3", "1x2x3.5", "1x2x5000000000", "1x2x8..4*2", "1x2x1..8*1",
      "1x2x1..8*0", "1x2x0..8*2", "1x2x1..2147483648+1", "1x2x99999999999999999999", "1x2x3M3", "1,,2x3x4", "1x2x٣",
    ]
    for text in wrong { #expect(ShapeList(argument: text) == nil, "\(text)") }
  }

  @Test("devices lists host even without a driver, and says what to install")
  func devicesWithoutDriver() throws {
    let run = try Program.run("devices", "--diagnose", environment: Program.noDriver)
    #expect(run.status == 0)
    #expect(run.output.contains("| host "))
    #expect(run.output.contains("apt install"))
    #expect(run.output.hasSuffix("next: shardcl bench matmul --devices host\n"))
  }

  @Test("the diagnosis names a library that does not load, and why")
  func diagnosis() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("libnowhere.so.7\n".utf8).write(to: folder.appending(path: "broken.icd"))
    let diagnosis = LoaderDiagnosis(environment: ["OCL_ICD_VENDORS": folder.path])
    #expect(diagnosis.drivers.map(\.library) == ["libnowhere.so.7"])
    #expect(diagnosis.drivers.first?.loadError?.contains("libnowhere.so.7") == true)
    #expect(diagnosis.advice.contains { $0.contains("broken.icd") })
  }

  @Test("devices as JSON have a selector that opens them")
  func devicesJSON() throws {
    let objects = try Program.run("devices", "--json").objects()
    #expect(objects.allSatisfy { $0["schema"] as? String == "shardcl.device/1" })
    #expect(objects.last?["selector"] as? String == "host")
  }

  @Test("bench prints only JSON lines with every field, whatever the driver prints")
  func benchJSON() throws {
    let run = try Program.run(
      "bench", "matmul", "--json", "--shape", "3x20x33", "--repeat", "2",
      environment: ["POCL_DEBUG": "all", "SHARDCL_DEVICES": TestDevices.kinds.contains(.context) ? "cpu" : "host"])
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    let objects = try run.objects()
    #expect(objects.count == 2)
    for object in objects {
      #expect(Set(object.keys) == Set(MatmulRecord.CodingKeys.allCases.map(\.rawValue)))
      #expect(object["verified"] as? Bool == true)
      #expect(object["same_bits"] as? Bool == true)
      #expect((object["max_error_over_bound"] as? Double).map { $0 <= 1 } == true)
    }
    let record = try JSONDecoder().decode(MatmulRecord.self, from: Data(run.output.prefix { $0 != "\n" }.utf8))
    #expect(record.m == 3 && record.n == 20 && record.k == 33 && record.repeats == 2)
  }

  @Test("bench says where reduced arithmetic was allowed and ordered ran")
  func reducedArithmetic() throws {
    let arguments = [
      "bench", "matmul", "--devices", "host/2", "--shape", "9x20x64", "--dtype", "f16", "--layout", "row", "--repeat",
      "1", "--arithmetic", "reduced", "--explain",
    ]
    let run = try Program.run(arguments)
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    #expect(run.output.contains("# arithmetic: reduced"))
    #expect(run.output.contains("| host/gemm |\n"))
    #expect(run.output.contains("# 1 of 1 products ran in ordered arithmetic"))
    #expect(run.output.contains("# 9x20x64 f16 row reduced\n"))
    #expect(run.output.contains("note: reduced arithmetic was allowed, but "))
    let record = try #require(
      try Program.run(arguments + ["--json"]).objects().first { $0["schema"] as? String == "shardcl.bench.matmul/1" })
    #expect(record["arithmetic"] as? String == "reduced")
    #expect(record["kernels"] as? [String] == ["host/gemm", "host/gemm"])
    #expect(record["same_bits"] as? Bool == true)
  }

  @Test("bench without a check says so in JSON and in the table")
  func notChecked() throws {
    let arguments = ["bench", "matmul", "--devices", "host/3", "--shape", "2x9x17", "--repeat", "1", "--no-check"]
    let objects = try Program.run(arguments + ["--json"]).objects()
    #expect(objects.count == 2)
    #expect(objects.allSatisfy { $0["verified"] is NSNull && $0["same_bits"] is NSNull && $0["ranks"] as? Int == 3 })
    #expect(try Program.run(arguments).output.contains("not checked"))
  }

  @Test("verify prints counts and `0 failed`")
  func verify() throws {
    for (group, subject) in [("collective/all-reduce", "all-reduce"), ("kernel/epilogue", "host/gemm")] {
      let run = try Program.run("verify", "--small", "--devices", "host", "--case", group)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains(" 0 failed, "))
      #expect(run.output.contains("| \(subject) "))
    }
  }
}
