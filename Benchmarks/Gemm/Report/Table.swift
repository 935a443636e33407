// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// Rows as lines of an aligned Markdown table.
struct Table {
  private let peers: [PeerName]
  private let layout: TableLayout

  /// A table of `works` with a column for each of `peers` that one of them is compared with.
  init(works: [Work], peers: [PeerName]) {
    self.peers = peers.filter { peer in works.contains { peer.isPeer(of: $0.format) } }
    let name = works.map(\.name.count).max() ?? 0
    let shape = works.map(\.shape.description.count).max() ?? 0
    let numbers =
      [("m x n x k", shape), ("ms", 8), ("GFLOPS", 6), ("of FMA peak", 4), ("GB/s", 5), ("of read", 5)]
      + self.peers.map { ("of \($0.title)", 5) }
    layout = TableLayout(
      [.text("work", width: name), .text("format")] + numbers.map { .number($0.0, width: $0.1) }
        + [.text("targets", width: 17), .text("met"), .text("result")])
  }

  var header: String { layout.header }

  func line(_ row: Row) -> String {
    let ratios = peers.map { name in
      row.peers.first { $0.name == name }.map { $0.ratio.digits(2) + ($0.isExact ? "" : " (WRONG)") } ?? ""
    }
    let scores = row.scores
    let met = scores.map { $0.isMet ? "yes" : "no" }.joined(separator: ", ")
    return layout.line(
      [
        row.work.name, row.work.format.rawValue, row.work.shape.description, (row.secondsMedian * 1e3).digits(3),
        row.gflops.digits(1), row.peakShare.digits(2), (row.weightBytesPerSecond / 1e9).digits(2),
        row.readShare.digits(2),
      ] + ratios + [scores.map(\.target.description).joined(separator: ", "), met, row.isExact ? "exact" : "WRONG"])
  }
}

extension Work.Target: CustomStringConvertible {
  var description: String {
    switch self {
    case .timesAsFast(let factor, let peer): factor.digits(2) + " \(peer.title)"
    case .shareOfPeak(let share): share.digits(2) + " peak"
    case .shareOfReadBandwidth(let share): share.digits(2) + " read"
    }
  }
}
