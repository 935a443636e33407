// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The columns of an aligned Markdown table, whose lines are printed as they come.
package struct TableLayout {
  /// A column of texts, aligned left, or of numbers, aligned right.
  package struct Column {
    let title: String
    let width: Int
    let isText: Bool

    package static func text(_ title: String, width: Int = 0) -> Column {
      Column(title: title, width: max(width, title.count), isText: true)
    }

    package static func number(_ title: String, width: Int = 0) -> Column {
      Column(title: title, width: max(width, title.count), isText: false)
    }
  }

  private let columns: [Column]

  package init(_ columns: [Column]) { self.columns = columns }

  /// The titles and the rule below them.
  package var header: String {
    let rule = columns.map { column in
      String(repeating: "-", count: column.width - (column.isText ? 0 : 1)) + (column.isText ? "" : ":")
    }
    return line(columns.map(\.title)) + "\n" + line(rule)
  }

  /// A row.
  package func line(_ cells: [String]) -> String {
    let padded = zip(cells, columns).map { cell, column in
      let space = String(repeating: " ", count: max(0, column.width - cell.count))
      return column.isText ? cell + space : space + cell
    }
    return "| " + padded.joined(separator: " | ") + " |"
  }
}

extension Double {
  /// With so many digits behind the point.
  package func digits(_ count: Int) -> String { String(format: "%.\(count)f", self) }
}
