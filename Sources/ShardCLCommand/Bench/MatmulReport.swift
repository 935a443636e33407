// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// The records of a run of `bench matmul` as people read them.
struct MatmulReport: BenchReport {
  private let settings: [String]
  private let devices: String
  private let model: String?
  private let seed: UInt64
  private let arithmetic: Arithmetic
  private var records: [MatmulRecord] = []

  init(_ session: BenchSession, _ arithmetic: Arithmetic, model: String?) {
    devices = session.devices
    self.model = model
    seed = session.options.seed
    self.arithmetic = arithmetic
    settings =
      session.settings(of: "matmul") + (model.map { ["# model: \($0)"] } ?? [])
      + [
        "# time: activations packed, result on every rank; weights packed before. error in units of (k+8)·2⁻²⁴·Σ|a||b|"
      ]
      + (arithmetic == .ordered
        ? [] : ["# arithmetic: reduced, in units of that and what the kernel may round; bits may differ"])
  }

  mutating func append(_ record: MatmulRecord) { records.append(record) }

  var lines: [String] {
    let hasLayers = records.contains { $0.layer != nil }
    var table = Table(
      (hasLayers ? [.text("layer"), .text("format")] : [])
        + [
          .text("m x n x k"), .text("weight"), .text("layout"), .number("median ms"), .number("min ms"),
          .number("GFLOPS"), .number("of peak"), .number("vs 1 rank"), .number("collective ms"),
          .number("error/bound"), .text("same bits"), .text("verified"),
        ] + (arithmetic == .ordered ? [] : [.text("kernel")]))
    for record in records {
      table.append(
        (hasLayers ? [record.layer ?? "–", record.weightFormat] : [])
          + [
            "\(record.m)x\(record.n)x\(record.k)", record.dtype.rawValue, record.layout.rawValue,
            Text.milliseconds(record.secondsMedian), Text.milliseconds(record.secondsMin), Text.number(record.gflops),
            Text.number(record.peakFraction, digits: 2), Text.number(record.speedupVsOneRank),
            Text.milliseconds(record.communicationSeconds), Text.number(record.maxErrorOverBound, digits: 2),
            Text.yesNo(record.sameBits), Text.yesNo(record.verified),
          ] + (arithmetic == .ordered ? [] : [Set(record.kernels).sorted().joined(separator: ", ")]))
    }
    return settings + [""] + table.lines + [""] + advice + orderedAdvice
  }

  /// Says where reduced arithmetic was allowed and is not what ran.
  private var orderedAdvice: [String] {
    let count = records.count(where: \.isMoreExactThanAsked)
    guard count > 0 else { return [] }
    return [
      "# \(count) of \(records.count) products ran in ordered arithmetic on some rank, which has no kernel of reduced "
        + "arithmetic for it; --explain says why"
    ]
  }

  var failures: [String] {
    records.filter { $0.verified == false }.map { record in
      let problem =
        model.map { "--model \($0) --rows \(record.m)" }
        ?? "--shape \(record.m)x\(record.n)x\(record.k) --layout \(record.layout.rawValue) --dtype \(record.dtype.rawValue)"
      let exactness = arithmetic == .ordered ? "" : " --arithmetic \(arithmetic.rawValue)"
      return "wrong result; rerun: shardcl bench matmul --devices \(devices) \(problem)\(exactness) --seed \(seed)"
    }
  }

  /// What the records say about sharding, for each number of rows: a prompt and a step of decode differ.
  private var advice: [String] {
    guard let ranks = records.first?.ranks, ranks > 1 else {
      return ["# one rank; next: shardcl bench matmul --devices cpu/2"]
    }
    return Dictionary(grouping: records, by: \.m).sorted { $0.key > $1.key }.map { m, records in
      let gains = records.map(\.speedupVsOneRank).sorted()
      let middle = gains[gains.count / 2]
      let share = records.map { $0.communicationSeconds / $0.secondsMedian }.sorted()[records.count / 2]
      return "# \(m) \(m == 1 ? "row" : "rows"): tensor parallelism \(middle > 1.1 ? "pays" : "does not pay") here, "
        + "\(ranks) ranks are \(Text.number(middle)) times one of them, the collective takes "
        + "\(Text.number(100 * share, digits: 2)) % of the time (medians of \(records.count))"
    }
  }
}
