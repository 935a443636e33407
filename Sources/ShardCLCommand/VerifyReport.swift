// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// The records of a run of `verify` as people read them: counts for each kernel and collective.
struct VerifyReport {
  private let settings: [String]
  private let rerun: String
  private var rows: [Row] = []
  private var failedRecords: [VerificationRecord] = []
  private(set) var count = 0
  private(set) var failed = 0
  /// The most failures of one kernel or collective that are printed one by one.
  private static let failuresShownPerRow = 2

  private struct Row {
    let subject: String
    var cases = 0
    var failed = 0
    var ranks: Set<Int> = []
    var error = 0.0
    var otherBits = 0
    var different = 0
    var stray = 0
  }

  init(_ verification: Verification, devices: String?) {
    let size = verification.extent == .small ? " --small" : ""
    rerun = "shardcl verify\(devices.map { " --devices \($0)" } ?? "")\(size)"
    settings =
      ["# shardcl \(RootCommand.version) verify, \(verification.count) cases, seed \(verification.seed)"]
      + verification.devices.map { "# device \($0.selector): \($0.versionedName)" }
      + ["# random numbers: error in units of (k+8)·2⁻²⁴·Σ|a||b|, bits as on host; whole numbers: elements that differ"]
  }

  mutating func append(_ record: VerificationRecord) {
    count += 1
    let index = rows.firstIndex { $0.subject == record.subject } ?? rows.count
    if index == rows.count { rows.append(Row(subject: record.subject)) }
    rows[index].cases += 1
    rows[index].ranks.insert(record.ranks)
    rows[index].error = max(rows[index].error, record.maxErrorOverBound)
    rows[index].otherBits += record.sameBits ? 0 : 1
    rows[index].different += record.differentElements
    rows[index].stray += record.strayBytes
    guard !record.verified else { return }
    rows[index].failed += 1
    failed += 1
    // The first few of each kind say more than many of one.
    if rows[index].failed <= Self.failuresShownPerRow { failedRecords.append(record) }
  }

  /// Settings, table, sum.
  func lines(seconds: Double) -> [String] {
    var table = Table([
      .text("kernel or collective"), .number("cases"), .text("ranks"), .number("error/bound"), .number("other bits"),
      .number("wrong elements"), .number("stray bytes"), .number("failed"),
    ])
    for row in rows {
      table.append([
        row.subject, "\(row.cases)", row.ranks.sorted().map(String.init).joined(separator: " "),
        Text.number(row.error, digits: 2), "\(row.otherBits)", "\(row.different)", "\(row.stray)", "\(row.failed)",
      ])
    }
    return settings + [""] + table.lines + ["", "\(count) cases, \(failed) failed, \(Text.number(seconds)) s"]
  }

  /// A line for each failure with the command that runs it again.
  var failures: [String] {
    let lines = failedRecords.flatMap { record -> [String] in
      let reason =
        record.error.isEmpty
        ? "error/bound \(Text.number(record.maxErrorOverBound)), \(record.sameBits ? "same" : "other") bits, "
          + "\(record.differentElements) wrong elements, \(record.strayBytes) stray bytes" : record.error
      return ["failed: \(record.name): \(reason)", "rerun: \(rerun) --case \(record.name) --seed \(record.seed)"]
    }
    return failed > failedRecords.count ? lines + ["… and \(failed - failedRecords.count) more"] : lines
  }
}
