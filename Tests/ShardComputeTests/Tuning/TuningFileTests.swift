// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import ShardCompute

@Suite("tuning files") struct TuningFileTests {
  static let entry = TuningEntry(
    kernel: "gemm/packed", ShapeClass(m: 512, n: 2048, k: 2048, format: .f32),
    ParameterValues(["blockM": .integer(4), "rows": .integer(14), "exact": .boolean(true), "layout": .word("row")]),
    gflops: 120.5, formulaGFLOPS: 100, date: "2026-01-31")
  static let device = TunedDevice(name: "device \"x\"", platform: "p", driver: "1.0", units: 2)

  @Test("come back as they were, one entry a line, keys in order") func roundTrip() throws {
    let other = TuningEntry(
      kernel: "gemm/packed", ShapeClass(m: 8, n: 64, k: 64, format: .q4_K), ParameterValues(), gflops: 1,
      formulaGFLOPS: 1, date: "2026-02-01")
    let file = TuningFile(device: Self.device, entries: [Self.entry, other])
    let text = try file.text()
    let read = try TuningFile(parsing: text, file: "x")
    #expect(read.device == file.device)
    #expect(Set(read.entries) == Set(file.entries))
    #expect(try read.text() == text)
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    #expect(lines.filter { $0.contains("\"kernel\"") }.count == 2)
    #expect(lines.first { $0.contains("f32") }?.contains("{\"date\":\"2026-01-31\",\"format\":\"f32\",") == true)
    #expect(try TuningFile(parsing: TuningFile(device: Self.device).text(), file: "x").entries.isEmpty)
  }

  @Test(
    "that are malformed are refused with file and field",
    arguments: [
      ("", "the text"), ("{", "the text"), ("[]", "the text"), ("{}", "schema"), (#"{"schema": 1}"#, "schema"),
      (#"{"schema": "shardcl.tuning/2"}"#, "schema is shardcl.tuning/2"),
      (#"{"schema": "shardcl.tuning/1"}"#, "device"),
      (#"{"schema": "shardcl.tuning/1", "device": {}, "entries": []}"#, "device.name"),
      (#"{"schema": "shardcl.tuning/1", "device": {"name": "x", "units": "2"}, "entries": []}"#, "device.units"),
      (#"{"schema": "shardcl.tuning/1", "device": {"name": "x"}}"#, "entries"),
      (#"{"schema": "shardcl.tuning/1", "device": {"name": "x"}, "entries": [{}]}"#, "entries[0]."),
      (TuningFileTests.text { $0.replacing("\"m\":512", with: "\"m\":500") }, "entries[0].m is 500"),
      (TuningFileTests.text { $0.replacing("\"k\":2048", with: "\"k\":-1") }, "entries[0].k is -1"),
      (TuningFileTests.text { $0.replacing("\"n\":2048", with: "\"n\":1") }, "entries[0].n is 1"),
      (TuningFileTests.text { $0.replacing("\"blockM\":4", with: "\"blockM\":[]") }, "entries[0].parameters.blockM"),
      (TuningFileTests.text { $0.replacing("\"blockM\":4", with: "\"blockM\":null") }, "entries[0].parameters.blockM"),
      (TuningFileTests.text { $0.replacing("120.5", with: "\"fast\"") }, "entries[0].gflops"),
      (TuningFileTests.text(twice: true) { $0 }, "entries[1] repeats gemm/packed f32 512x2048x2048"),
    ])
  func malformed(text: String, field: String) {
    let error = #expect(throws: ComputeError.self) {
      try TuningFile(parsing: Data(text.utf8), file: "/tuning/x.json")
    }
    #expect(error?.description.hasPrefix("/tuning/x.json: \(field)") == true, "\(error?.description ?? "none")")
  }

  @Test("are named by the device, and by a hash of what else matters") func names() {
    let names = [
      Self.device, TunedDevice(name: "device (x)", platform: "p", driver: "1.0", units: 2),
      TunedDevice(name: "device \"x\"", platform: "p", driver: "1.1", units: 2),
      TunedDevice(name: "device \"x\"", platform: "p", driver: "1.0", units: 1), TunedDevice(name: "../../é"),
    ].map(\.fileName)
    #expect(Set(names).count == names.count)
    for name in names.dropLast() { #expect(name.hasPrefix("device-x-")) }
    for name in names { #expect(!name.contains("/") && !name.hasPrefix(".") && name.hasSuffix(".json")) }
  }

  @Test("that ship name known kernels, parameters and formats") func shipped() throws {
    let files = try TuningDatabase.shipped()
    #expect(!files.isEmpty)
    for file in files {
      #expect(!file.entries.isEmpty)
      let table = TuningTable(user: nil, shipped: [file], device: Self.device)
      #expect(table.skipped.isEmpty, "\(file.device.name)")
    }
  }

  @Test("match devices by pattern, and by what else they name") func patterns() {
    let pattern = TunedDevice(name: "pthread-*avx512*", platform: "PoCL")
    let device = TunedDevice(name: "pthread-skylake-avx512-Intel(R)", platform: "PoCL", driver: "3.1", units: 2)
    #expect(pattern.matches(device))
    #expect(device.matches(device))
    #expect(!TunedDevice(name: "pthread-*avx512*", units: 4).matches(device))
    #expect(!TunedDevice(name: "pthread", platform: "PoCL").matches(device))
    #expect(!TunedDevice(name: "*", platform: "Intel").matches(device))
  }

  private static func text(twice: Bool = false, _ change: (String) -> String) -> String {
    let file = TuningFile(device: device, entries: twice ? [entry, entry] : [entry])
    return change((try? file.text()).map { String(decoding: $0, as: UTF8.self) } ?? "")
  }
}
