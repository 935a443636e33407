// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// Rows as lines of an aligned Markdown table.
struct Table {
  private let layout: TableLayout

  init(_ works: [Work]) {
    layout = TableLayout([
      .text("work", width: works.map(\.name.count).max() ?? 0), .number("ours ms", width: 8),
      .number("GFLOPS or GB/s", width: 12), .number("peer ms", width: 10), .number("ratio", width: 5),
      .text("target", width: 12), .text("met", width: 3),
    ])
  }

  var header: String { layout.header }

  func line(_ row: Row) -> String {
    layout.line([
      row.work.name, (row.secondsMedian * 1e3).digits(3), row.amount.text(rate: row.rate),
      row.peer.map { ($0.secondsMedian * 1e3).digits(3) } ?? "no \(row.work.peer.title)",
      row.peer.map { $0.ratio.digits(2) } ?? "", "\(row.work.target.digits(2)) \(row.work.peer.title)", met(row),
    ])
  }

  private func met(_ row: Row) -> String {
    if row.errorOverBound > 1 { return "WRONG" }
    if !row.isRight { return "peer WRONG" }
    return row.isMet.map { $0 ? "yes" : "no" } ?? ""
  }
}
