// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// The records of a run of `bench layer` as people read them.
struct LayerReport: BenchReport {
  private let settings: [String]
  private let devices: String
  private let seed: UInt64
  private var records: [LayerRecord] = []

  init(_ session: BenchSession) {
    devices = session.devices
    seed = session.options.seed
    settings =
      session.settings(of: "layer") + [
        "# parts are timed alone, in turns with the layer; others are norms and residuals; idle is what is left of the median",
        "# of read: weights, keys and values as stored, against reading memory. verified: the bits of the CPU's result",
      ]
  }

  mutating func append(_ record: LayerRecord) { records.append(record) }

  var lines: [String] {
    var table = Table([
      .text("layer"), .text("tokens x keys"), .text("weight"), .text("KV"), .number("median ms"), .number("min ms"),
      .number("products ms"), .number("attention ms"), .number("others ms"), .number("collectives ms"),
      .number("idle ms"), .number("GFLOPS"), .number("of peak"), .number("of read"), .number("vs 1 rank"),
      .text("verified"),
    ])
    for record in records {
      table.append([
        record.layer, (record.sequences > 1 ? "\(record.sequences) of " : "") + "\(record.tokens)x\(record.keys)",
        record.dtype.rawValue, record.kvFormat.rawValue, Text.milliseconds(record.secondsMedian),
        Text.milliseconds(record.secondsMin), Text.milliseconds(record.productSeconds),
        Text.milliseconds(record.attentionSeconds), Text.milliseconds(record.otherSeconds),
        Text.milliseconds(record.collectiveSeconds), Text.milliseconds(record.idleSeconds), Text.number(record.gflops),
        Text.number(record.peakFraction, digits: 2), Text.number(record.readFraction, digits: 2),
        Text.number(record.speedupVsOneRank), Text.yesNo(record.verified),
      ])
    }
    return settings + [""] + table.lines
  }

  var failures: [String] {
    records.filter { $0.verified == false }.map { record in
      "wrong result; rerun: shardcl bench layer --devices \(devices) --layer \(record.layer) --shape "
        + "\(record.tokens)x\(record.keys) --sequences \(record.sequences) --dtype \(record.dtype.rawValue) "
        + "--kv \(record.kvFormat.rawValue) --seed \(seed)"
    }
  }
}
