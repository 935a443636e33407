// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// The records of a run of `bench attention` as people read them.
struct AttentionReport: BenchReport {
  private let settings: [String]
  private let devices: String
  private let seed: UInt64
  private var records: [AttentionRecord] = []

  init(_ session: BenchSession) {
    devices = session.devices
    seed = session.options.seed
    settings =
      session.settings(of: "attention") + [
        "# GFLOPS count pairs of query and key that are seen. of read: keys and values as stored, against reading memory",
        "# append: storing all keys and values; it is not part of the time",
      ]
  }

  mutating func append(_ record: AttentionRecord) { records.append(record) }

  var lines: [String] {
    var table = Table([
      .text("heads"), .text("queries x keys"), .text("span"), .text("KV"), .text("cut"), .number("median ms"),
      .number("min ms"), .number("GFLOPS"), .number("of peak"), .number("of read"), .number("append ms"),
      .number("vs 1 rank"), .number("join ms"), .number("error/bound"), .text("same bits"), .text("verified"),
    ])
    for record in records {
      table.append([
        "\(record.queryHeads)/\(record.kvHeads) x \(record.keySize)"
          + (record.valueSize == record.keySize ? "" : " x \(record.valueSize)"),
        (record.sequences > 1 ? "\(record.sequences) of " : "") + "\(record.queries)x\(record.keys)",
        record.window.map { "window \($0)" } ?? record.span, record.kvFormat.rawValue, record.cut.rawValue,
        Text.milliseconds(record.secondsMedian), Text.milliseconds(record.secondsMin), Text.number(record.gflops),
        Text.number(record.peakFraction, digits: 2), Text.number(record.readFraction, digits: 2),
        Text.milliseconds(record.appendSeconds), Text.number(record.speedupVsOneRank),
        Text.milliseconds(record.communicationSeconds), Text.number(record.maxErrorOverBound, digits: 2),
        Text.yesNo(record.sameBits), Text.yesNo(record.verified),
      ])
    }
    return settings + [""] + table.lines
  }

  var failures: [String] {
    records.filter { $0.verified == false }.map { record in
      let span = record.window.map { " --window \($0)" } ?? (record.span == "all" ? " --no-causal" : "")
      return "wrong result; rerun: shardcl bench attention --devices \(devices) --heads "
        + "\(record.queryHeads)/\(record.kvHeads)x\(record.keySize)x\(record.valueSize) --shape "
        + "\(record.queries)x\(record.keys) --sequences \(record.sequences) --kv \(record.kvFormat.rawValue)\(span) "
        + "--cut \(record.cut.rawValue) --seed \(seed)"
    }
  }
}
