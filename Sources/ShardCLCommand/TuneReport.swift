// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// The records of a run of `tune` as people read them.
struct TuneReport {
  private let settings: [String]
  private let dryRun: Bool
  private var records: [TuningRecord] = []

  init(_ plan: TuningPlan, _ database: TuningDatabase, dryRun: Bool, seconds: Double, pinned: Bool) {
    self.dryRun = dryRun
    settings =
      ["# shardcl \(RootCommand.version) tune, \(seconds) s a class\(dryRun ? ", nothing is kept" : "")"]
      + plan.devices.map { "# device \($0.selector): \($0.versionedName)" }
      + (pinned ? ["# PoCL's threads are pinned to cores (POCL_AFFINITY=1)"] : [])
      + (dryRun ? [] : ["# kept in: \(database.folder?.path ?? "–")"])
  }

  mutating func append(_ record: TuningRecord) { records.append(record) }

  /// Settings, table, and where entries lie.
  var lines: [String] {
    var table = Table([
      .text("device"), .text("kernel"), .text("weight"), .text("class"), .text("changed parameters"),
      .number("formula GFLOPS"), .number("tuned GFLOPS"), .number("ratio"), .number("tried"), .text("stored"),
    ])
    for record in records {
      table.append([
        record.device, record.kernel, record.dtype.rawValue, record.shapeClass, record.changes,
        Text.number(record.formulaGFLOPS), Text.number(record.gflops), Text.number(record.ratio),
        "\(record.candidates)", record.stored == nil ? "–" : "yes",
      ])
    }
    let files = Set(records.compactMap(\.stored)).sorted().map { "# stored: \($0)" }
    return settings + [""] + table.lines + [""]
      + (files.isEmpty ? ["# \(dryRun ? "a dry run stores nothing" : "nothing stored: the formulas stay")"] : files)
  }

  /// A line for each set of parameters that gave a wrong result.
  var failures: [String] {
    records.flatMap { record in
      record.wrong.map { parameters in
        "wrong result: \(record.kernel) \(record.m)x\(record.n)x\(record.k) \(record.dtype.rawValue) on "
          + "\(record.device) has other bits with \(parameters)"
      }
    }
  }
}

extension TuningRecord {
  /// `blockM 8 → 4, rows 14 → 12`.
  fileprivate var changes: String {
    let changed = parameters.sorted { $0.key < $1.key }.filter { formula[$0.key] != $0.value }
    guard !changed.isEmpty else { return "none" }
    return changed.map { "\($0.key) \(formula[$0.key] ?? "–") → \($0.value)" }.joined(separator: ", ")
  }
}
