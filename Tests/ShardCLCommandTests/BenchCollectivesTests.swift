// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@testable import ShardCL
@testable import ShardCLCommand

@Suite("bench collectives") struct BenchCollectivesTests {
  static let devices = ["host/3"] + (TestDevices.kinds.contains(.context) ? ["cpu/2", "cpu/2,host"] : [])
  private static let everyOperation = CollectiveOperation.allCases.flatMap { ["--op", $0.rawValue] }

  @Test("prints every field of every collective, and all elements are right", arguments: devices)
  func operations(devices: String) throws {
    let run = try Program.run(
      ["bench", "collectives", "--devices", devices, "-b", "256", "-e", "70K", "-f", "200", "--repeat", "2", "--json"]
        + Self.everyOperation)
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    let records = try run.output.split(separator: "\n").map {
      try JSONDecoder().decode(CollectiveRecord.self, from: Data($0.utf8))
    }
    #expect(records.map(\.operation) == CollectiveOperation.allCases.flatMap { [$0, $0] })
    for record in records {
      let whole = record.count * (record.operation.isCut ? record.ranks : 1) * 4
      #expect(record.bytes == whole && whole <= 51200 && whole > (whole < 1000 ? 256 : 51200) - 4 * record.ranks)
      #expect(record.wrong == 0 && record.verified == true && record.repeats == 2)
      #expect(record.inPlaceWrong == (record.operation == .allToAll ? nil : 0))
      #expect((record.inPlaceSecondsMedian == nil) == (record.operation == .allToAll))
      #expect(record.secondsMin <= record.secondsMedian && record.secondsMedian <= record.secondsP99)
      #expect(record.chainSeconds > 0 && record.chainLength >= 4)
      #expect(record.algorithmBandwidth == Double(record.bytes) / record.secondsMedian)
    }
    for object in try run.objects() {
      #expect(Set(object.keys) == Set(CollectiveRecord.CodingKeys.allCases.map(\.rawValue)))
      #expect(object["schema"] as? String == "shardcl.bench.collectives/1")
    }
  }

  @Test("16-bit types are exact too, over host memory as well", arguments: devices)
  func types(devices: String) throws {
    let run = try Program.run(
      ["bench", "collectives", "--devices", devices, "-b", "4098", "-e", "4098", "--repeat", "1", "--dtype", "f16"]
        + ["--dtype", "bf16", "--transport", "host-staged", "--json"] + Self.everyOperation)
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    let objects = try run.objects()
    #expect(objects.count == 2 * CollectiveOperation.allCases.count)
    for object in objects {
      #expect(object["transport"] as? String == "hostStaged")
      #expect(object["verified"] as? Bool == true)
    }
  }

  @Test("the table has settings, a line for each size, and dashes for what was not measured")
  func table() throws {
    let run = try Program.run(
      "bench", "collectives", "--devices", "host/2", "-b", "1K", "-e", "4K", "-f", "2", "--repeat", "1",
      "--no-in-place", "--no-check")
    #expect(run.status == 0, "\(run.errors.suffix(500))")
    let lines = run.output.split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("# transport: hostStaged") })
    let rows = lines.filter { $0.contains("| all-reduce |") }
    #expect(rows.count == 3 && rows.allSatisfy { $0.hasSuffix(" – |") })
    #expect(rows.first?.hasPrefix("|   1024 |   256 | f32 ") == true)
  }

  @Test("an element that is wrong is a failure, with the line that runs it again")
  func failure() throws {
    let run = try Program.run(
      "bench", "collectives", "--devices", "host/2", "-b", "64", "-e", "64", "--op", "gather", "--repeat", "1", "--json"
    )
    var report = CollectivesReport(settings: [], devices: "host/2", seed: 7)
    report.append(try JSONDecoder().decode(CollectiveRecord.self, from: Data(run.output.utf8)))
    #expect(report.failures.isEmpty)
    let wrong = run.output.replacing("\"wrong\":0", with: "\"wrong\":2")
      .replacing("\"verified\":true", with: "\"verified\":false")
    report.append(try JSONDecoder().decode(CollectiveRecord.self, from: Data(wrong.utf8)))
    #expect(
      report.failures == [
        "wrong result; rerun: shardcl bench collectives --devices host/2 --transport hostStaged --op gather --dtype f32 "
          + "-b 64 -e 64 --seed 7"
      ])
    #expect(report.lines.last?.contains(" 2 |") == true)
  }

  @Test("a percentile is the smallest value that so many do not exceed")
  func percentiles() {
    var samples = Samples()
    #expect(samples.percentile(99) == 0)
    for value in (1...200).reversed() { samples.append(Double(value)) }
    #expect([0, 1, 50, 99, 100].map { samples.percentile($0) } == [1, 2, 100, 198, 200])
    var few = Samples()
    for value in [3.0, 1, 2] { few.append(value) }
    #expect(few.percentile(99) == 3 && few.percentile(50) == 2)
  }

  @Test("bandwidths have the factors of nccl-tests")
  func factors() {
    let factors = CollectiveOperation.allCases.map { $0.busFactor(ranks: 4) }
    #expect(factors == [1.5, 1, 0.75, 0.75, 0.75, 0.75, 1, 0.75])
    #expect(CollectiveOperation.allReduce.busFactor(ranks: 1) == 0)
  }

  @Test("sizes are powers of 1024, and go on up to the end")
  func sizes() throws {
    for (text, value) in [("0", 0), ("512", 512), ("1K", 1024), ("64m", 64 << 20), ("2G", 2 << 30)] {
      #expect(ByteSize(argument: text)?.value == value)
    }
    for text in ["", "K", "-1", "+1", "1T", "1.5K", "1KB", "9999999999G", "99999999999999999999"] {
      #expect(ByteSize(argument: text) == nil, "\(text)")
    }
    let (begin, end) = (ByteSize(value: 1000), ByteSize(value: 10000))
    #expect(ByteSize.steps(from: begin, to: end, factor: 3) == [1000, 3000, 9000])
    #expect(ByteSize.steps(from: begin, to: begin, factor: 2) == [1000])
    let huge = ByteSize(value: Int.max)
    #expect(ByteSize.steps(from: ByteSize(value: 1), to: huge, factor: 1 << 40) == [1, 1 << 40])
    #expect(ByteSize(value: 64 << 20).defaultValueDescription == "64M")
  }

  @Test(
    "a request that is wrong is an error with its values",
    arguments: [
      (["-b", "2M", "-e", "1M"], ["2097152", "1048576"]), (["-f", "1"], ["2 or more, not 1"]),
      (["-b", "3", "-e", "3"], ["3 bytes", "4 bytes"]), (["-b", "0"], ["0 bytes"]),
      (["-b", "8", "--op", "gather"], ["8 bytes", "3 ranks", "12 bytes"]),
      (["--op", "all-to-all", "--in-place"], ["all-to-all"]), (["--op", "all-reduces"], ["all-reduces"]),
      (["--transport", "context"], ["host/3.0"]), (["--dtype", "f64"], ["f64"]), (["-e", "1Q"], ["1Q"]),
      (["--devices", "host/17", "--dtype", "f16", "-e", "1K"], ["17", "16"]),
    ])
  func usage(arguments: [String], words: [String]) throws {
    let devices = arguments.contains("--devices") ? [] : ["--devices", "host/3"]
    let run = try Program.run(["bench", "collectives"] + devices + arguments)
    #expect(run.status == 64, "\(arguments): \(run.errors)")
    #expect(run.output.isEmpty)
    for word in words { #expect(run.errors.contains(word), "\(run.errors)") }
  }

  @Test("elements that are not exact are counted, wherever they are")
  func differences() {
    let pattern = CollectivePattern(ranks: 2, elementType: .f16, seed: 3)
    let segments = [
      CollectivePattern.Segment(rank: nil, start: 500, count: 1500), .init(rank: 1, start: 0, count: 100),
    ]
    let (sum, part, memory) = (
      HostMemory(byteCount: 3000), HostMemory(byteCount: 200), HostMemory(byteCount: 3200)
    )
    pattern.write(segments[0], to: sum)
    pattern.write(segments[1], to: part)
    memory.withMutableBytes { bytes in
      sum.withBytes { bytes.copyMemory(from: $0) }
      part.withBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[3000...]).copyMemory(from: $0) }
    }
    #expect(pattern.differences(in: memory, from: segments) == 0)
    memory.withMutableBytes { bytes in
      for at in [0, 1, 2999, 3000, 3199] { bytes[at] ^= 1 }
    }
    #expect(pattern.differences(in: memory, from: segments) == 4)
  }
}
