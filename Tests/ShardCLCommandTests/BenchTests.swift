// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCL
import TestSupport
import Testing

@testable import ShardCLCommand

@Suite("bench") struct BenchTests {
  static let devices = ["host", "host/3"] + (TestDevices.kinds.contains(.context) ? ["cpu", "cpu/2"] : [])

  @Test("attention prints every field, and results are right", arguments: devices)
  func attention(devices: String) throws {
    let run = try Program.run(
      "bench", "attention", "--devices", devices, "--heads", "4/2x32", "--shape", "1,5x70", "--kv", "f32", "--kv",
      "q8_0",
      "--window", "40", "--sequences", "2", "--repeat", "2", "--json")
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    let objects = try run.objects()
    #expect(objects.count == 4)
    for object in objects {
      #expect(Set(object.keys) == Set(AttentionRecord.CodingKeys.allCases.map(\.rawValue)))
      #expect(object["schema"] as? String == "shardcl.bench.attention/1")
      #expect(object["verified"] as? Bool == true)
      #expect(object["same_bits"] as? Bool == true)
      #expect(object["window"] as? Int == 40)
    }
    #expect(objects.map { $0["kv_format"] as? String } == ["f32", "q8_0", "f32", "q8_0"])
  }

  @Test("attention is right with its keys cut", arguments: devices)
  func keysCut(devices: String) throws {
    let run = try Program.run(
      "bench", "attention", "--devices", devices, "--heads", "2/1x32", "--shape", "3x600", "--cut", "keys", "--repeat",
      "1")
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    #expect(run.output.contains("| 2/1 x 32 | 3x600"))
    #expect(run.output.contains("| keys |"))
    #expect(run.output.contains("| yes      |"))
  }

  /// A norm of heads, biases, a window that hides keys, gates of either kind, more ranks than KV heads.
  @Test("a layer prints every field and has the bits of the CPU's", arguments: devices)
  func layer(devices: String) throws {
    let run = try Program.run(
      "bench", "layer", "--devices", devices, "--layer", "gemma-3-270m", "--layer", "qwen2.5-0.5b", "--shape",
      "1,3x600",
      "--dtype", "q8_0", "--kv", "bf16", "--repeat", "1", "--json")
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    let objects = try run.objects()
    #expect(objects.map { $0["layer"] as? String } == ["gemma-3-270m", "gemma-3-270m", "qwen2.5-0.5b", "qwen2.5-0.5b"])
    for line in run.output.split(separator: "\n") {
      let record = try JSONDecoder().decode(LayerRecord.self, from: Data(line.utf8))
      #expect(record.verified == true)
      let parts =
        record.productSeconds + record.attentionSeconds + record.otherSeconds + record.collectiveSeconds
        + record.idleSeconds
      #expect(parts >= record.secondsMedian * 0.999)
      #expect(record.productSeconds > 0 && record.attentionSeconds > 0 && record.otherSeconds > 0)
      #expect((record.collectiveSeconds > 0) == (record.ranks > 1))
    }
    for object in objects { #expect(Set(object.keys) == Set(LayerRecord.CodingKeys.allCases.map(\.rawValue))) }
  }

  @Test("what was not checked is null in JSON and a dash in the table", arguments: ["attention", "layer"])
  func notChecked(bench: String) throws {
    var arguments = ["bench", bench, "--devices", "host", "--shape", "1x8", "--repeat", "1", "--no-check"]
    if bench == "layer" { arguments += ["--layer", "gemma-3-270m"] }
    let object = try #require(try Program.run(arguments + ["--json"]).objects().first)
    #expect(object["verified"] is NSNull && object["same_bits"] is NSNull)
    let table = try Program.run(arguments).output
    #expect(table.contains("not checked"))
    #expect(table.hasSuffix("| –        |\n"))
  }

  @Test("writes the same lines to a file")
  func outputFile() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Program.run(
      "bench", "layer", "--devices", "host", "--layer", "gemma-3-270m", "--shape", "1x8", "--repeat", "1", "--json",
      "--output", file.path)
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    #expect(try String(contentsOf: file, encoding: .utf8) == run.output)
  }
}
