// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCollectives
import ShardCompute

/// The records of a run of `bench collectives` as people read them.
struct CollectivesReport: BenchReport {
  private let settings: [String]
  private let devices: String
  private let seed: UInt64
  private var records: [CollectiveRecord] = []

  init(_ session: BenchSession) {
    self.init(
      settings: session.settings(of: "collectives")
        + ["# transport: \(session.mesh.communicator.transportKind.rawValue); rank 0 is the root"],
      devices: session.devices, seed: session.options.seed)
  }

  init(settings: [String], devices: String, seed: UInt64) {
    self.devices = devices
    self.seed = seed
    self.settings =
      settings + [
        "# us: median (p50) from the call until the result is on all ranks. chain us: of one in a chain enqueued back to back",
        "# size, count, algbw and busbw are those of nccl-tests. #wrong: elements on all ranks that are not exact",
      ]
  }

  mutating func append(_ record: CollectiveRecord) { records.append(record) }

  var lines: [String] {
    var table = Table([
      .number("size B"), .number("count"), .text("type"), .text("op"), .number("us"), .number("p99 us"),
      .number("chain us"), .number("algbw GB/s"), .number("busbw GB/s"), .number("#wrong"), .number("in place us"),
      .number("p99 us"), .number("algbw GB/s"), .number("busbw GB/s"), .number("#wrong"),
    ])
    for record in records {
      table.append([
        "\(record.bytes)", "\(record.count)", record.dtype.rawValue, record.operation.rawValue,
        Text.number(record.secondsMedian * 1e6), Text.number(record.secondsP99 * 1e6),
        Text.number(record.chainSeconds * 1e6), Text.number(record.algorithmBandwidth * 1e-9),
        Text.number(record.busBandwidth * 1e-9), record.wrong.map { "\($0)" } ?? "–",
        Text.number(record.inPlaceSecondsMedian.map { $0 * 1e6 }),
        Text.number(record.inPlaceSecondsP99.map { $0 * 1e6 }),
        Text.number(record.inPlaceAlgorithmBandwidth.map { $0 * 1e-9 }),
        Text.number(record.inPlaceBusBandwidth.map { $0 * 1e-9 }), record.inPlaceWrong.map { "\($0)" } ?? "–",
      ])
    }
    return settings + [""] + table.lines
  }

  var failures: [String] {
    records.filter { $0.verified == false }.map { record in
      "wrong result; rerun: shardcl bench collectives --devices \(devices) --transport \(record.transport.rawValue) "
        + "--op \(record.operation.rawValue) --dtype \(record.dtype.rawValue) -b \(record.bytes) -e \(record.bytes) "
        + "--seed \(seed)"
    }
  }
}
