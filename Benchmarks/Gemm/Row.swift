// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One line of the results: a peer at a shape.
struct Row: Encodable {
  let peer: String
  let m: Int
  let n: Int
  let k: Int
  let rounds: Int
  let secondsMedian: Double
  let secondsMin: Double
  /// Of the median time.
  let gflops: Double
  /// Of the FMA loop in the same rounds.
  let peakGflops: Double
  let peakFraction: Double
  /// The median over the rounds of the first peer's time divided by this one's.
  let speedOverFirst: Double
  /// 0 if the result is exact.
  let wrongRows: Int

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = .sortedKeys
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  static func header(first: String) -> String {
    """
    |    m |    n |    k | library  | GFLOPS | best | of FMA peak | of \(first) | rounds | result |
    | ---: | ---: | ---: | -------- | -----: | ---: | ----------: | \(String(repeating: "-", count: first.count + 2)): | -----: | ------ |
    """
  }

  func line(first: String) -> String {
    let share = String(format: "%.2f", peakFraction)
    let best = 2 * Double(m) * Double(n) * Double(k) / secondsMin / 1e9
    let cells = [
      pad(m, 4), pad(n, 4), pad(k, 4), peer + String(repeating: " ", count: max(0, 8 - peer.count)),
      pad(String(format: "%.1f", gflops), 6), pad(String(format: "%.0f", best), 4), pad(share, 11),
      pad(String(format: "%.2f", speedOverFirst), first.count + 3), pad(rounds, 6),
      wrongRows == 0 ? "exact " : "WRONG in \(wrongRows) rows",
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }

  private func pad(_ value: some CustomStringConvertible, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - value.description.count)) + value.description
  }
}
