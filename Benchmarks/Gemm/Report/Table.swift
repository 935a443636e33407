// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Rows as lines of an aligned Markdown table.
struct Table {
  private struct Column {
    let title: String
    let width: Int
    let isText: Bool
  }

  private let peers: [PeerName]
  private let columns: [Column]

  /// A table of `works` with a column for each of `peers` that one of them is compared with.
  init(works: [Work], peers: [PeerName]) {
    self.peers = peers.filter { peer in works.contains { peer.isPeer(of: $0.format) } }
    let name = works.map(\.name.count).max() ?? 0
    let shape = works.map(\.shape.description.count).max() ?? 0
    let texts = [("work", name), ("format", 6)].map { Column(title: $0.0, width: $0.1, isText: true) }
    let numbers =
      [("m x n x k", shape), ("ms", 8), ("GFLOPS", 6), ("of FMA peak", 4), ("GB/s", 5), ("of read", 5)]
      + self.peers.map { ("of \($0.title)", 5) }
    columns =
      texts + numbers.map { Column(title: $0.0, width: $0.1, isText: false) }
      + [("targets", 17), ("met", 3), ("result", 6)].map { Column(title: $0.0, width: $0.1, isText: true) }
  }

  var header: String {
    let rule = columns.map { column in
      let dashes = String(repeating: "-", count: max(column.width, column.title.count) - (column.isText ? 0 : 1))
      return column.isText ? dashes : dashes + ":"
    }
    return line(columns.map(\.title)) + "\n" + line(rule)
  }

  func line(_ row: Row) -> String {
    let ratios = peers.map { name in
      row.peers.first { $0.name == name }.map { number($0.ratio, 2) + ($0.isExact ? "" : " (WRONG)") } ?? ""
    }
    let scores = row.scores
    let met = scores.map { $0.isMet ? "yes" : "no" }.joined(separator: ", ")
    return line(
      [
        row.work.name, row.work.format.rawValue, row.work.shape.description, number(row.secondsMedian * 1e3, 3),
        number(row.gflops, 1), number(row.peakShare, 2), number(row.weightBytesPerSecond / 1e9, 2),
        number(row.readShare, 2),
      ] + ratios + [scores.map(\.target.description).joined(separator: ", "), met, row.isExact ? "exact" : "WRONG"])
  }

  private func line(_ cells: [String]) -> String {
    let padded = zip(cells, columns).map { cell, column in
      let space = String(repeating: " ", count: max(0, max(column.width, column.title.count) - cell.count))
      return column.isText ? cell + space : space + cell
    }
    return "| " + padded.joined(separator: " | ") + " |"
  }

  private func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}

extension Work.Target: CustomStringConvertible {
  var description: String {
    switch self {
    case .timesAsFast(let factor, let peer): String(format: "%.2f", factor) + " \(peer.title)"
    case .shareOfPeak(let share): String(format: "%.2f", share) + " peak"
    case .shareOfReadBandwidth(let share): String(format: "%.2f", share) + " read"
    }
  }
}
