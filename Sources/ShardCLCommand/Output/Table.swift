// SPDX-License-Identifier: Apache-2.0

/// A Markdown table whose columns line up, so that it reads well as text and pastes into an issue.
struct Table {
  /// A column: its heading, with the unit, and on which side its cells stand.
  struct Column {
    let heading: String
    let isNumber: Bool

    /// A column of words.
    static func text(_ heading: String) -> Column { Column(heading: heading, isNumber: false) }
    /// A column of numbers, right-aligned.
    static func number(_ heading: String) -> Column { Column(heading: heading, isNumber: true) }
  }

  let columns: [Column]
  private(set) var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row with a cell for each column.
  mutating func append(_ cells: [String]) {
    precondition(cells.count == columns.count, "a row has a cell for each column")
    rows.append(cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") })
  }

  /// The lines: headings, rule, rows.
  var lines: [String] {
    let widths = columns.indices.map { index in
      max(3, columns[index].heading.count, rows.map { $0[index].count }.max() ?? 0)
    }
    func line(_ cells: [String]) -> String {
      let padded = columns.indices.map { index in
        let gap = String(repeating: " ", count: widths[index] - cells[index].count)
        return columns[index].isNumber ? gap + cells[index] : cells[index] + gap
      }
      return "| " + padded.joined(separator: " | ") + " |"
    }
    let rule = columns.indices.map { index in
      let dashes = String(repeating: "-", count: widths[index] - 1)
      return columns[index].isNumber ? dashes + ":" : dashes + "-"
    }
    return [line(columns.map(\.heading)), line(rule)] + rows.map(line)
  }
}
