// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// Rows as lines of an aligned Markdown table.
struct Table {
  private let layout: TableLayout

  init(_ works: [Work]) {
    layout = TableLayout([
      .text("work", width: works.map(\.name.count).max() ?? 0), .number("bytes", width: 8), .number("us", width: 8),
      .number("alone us", width: 8), .number("GB/s", width: 5), .number("Open MPI us", width: 9),
      .number("ratio", width: 5), .number("copy us", width: 8), .number("of copy", width: 5),
      .text("target", width: works.map { Self.target($0).count }.max() ?? 0), .text("met", width: 3),
    ])
  }

  var header: String { layout.header }

  func line(_ row: Row) -> String {
    layout.line([
      row.work.name, "\(row.work.byteCount)", Self.microseconds(row.secondsMedian),
      Self.microseconds(row.aloneMedian), (row.bytesPerSecond * 1e-9).digits(2),
      row.peer.map { Self.microseconds($0.secondsMedian) } ?? "none", row.peer.map { $0.ratio.digits(2) } ?? "",
      Self.microseconds(row.copyMedian), row.copyShare.digits(2), Self.target(row.work), met(row),
    ])
  }

  private static func microseconds(_ seconds: Double) -> String { (seconds * 1e6).digits(1) }

  private static func target(_ work: Work) -> String {
    work.targets.map {
      switch $0 {
      case .ofPeer(let ratio): "\(ratio.digits(1)) Open MPI"
      case .ofCopy(let share): "\(share.digits(1)) copy"
      case .chainSeconds(let seconds): "\((seconds * 1e6).digits(0)) us"
      }
    }.joined(separator: ", ")
  }

  private func met(_ row: Row) -> String {
    if row.wrong > 0 { return "WRONG" }
    if !row.isRight { return "peer WRONG" }
    return row.isMet.map { $0 ? "yes" : "no" } ?? ""
  }
}
