// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A point of a drawing, in pixels from its upper left corner.
struct Point {
  var x: Double
  var y: Double

  func distance(to other: Point) -> Double { hypot(x - other.x, y - other.y) }
}

/// An SVG document that is drawn element by element.
struct Drawing {
  private let width: Double
  private let height: Double
  private let style: String
  private var elements: [String] = []

  init(width: Double, height: Double, style: String) {
    (self.width, self.height, self.style) = (width, height, style)
  }

  var svg: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(pixels(width)) \(pixels(height))" \
    width="\(pixels(width))" height="\(pixels(height))" role="img">
    <style>
    \(style)
    </style>
    <rect class="background" width="100%" height="100%"/>
    \(elements.joined(separator: "\n"))
    </svg>

    """
  }

  mutating func line(_ from: Point, _ to: Point, class name: String) {
    elements.append(
      "<line class=\"\(name)\" x1=\"\(pixels(from.x))\" y1=\"\(pixels(from.y))\" "
        + "x2=\"\(pixels(to.x))\" y2=\"\(pixels(to.y))\"/>")
  }

  /// A dot, with a text that a pointer over it shows.
  mutating func dot(_ at: Point, class name: String, tip: String?) {
    let title = tip.map { "<title>\(escaped($0))</title>" } ?? ""
    elements.append(
      "<circle class=\"\(name)\" cx=\"\(pixels(at.x))\" cy=\"\(pixels(at.y))\" r=\"5\">\(title)</circle>")
  }

  /// A text at its baseline, turned clockwise by `degrees` round it.
  mutating func text(_ text: String, at: Point, class name: String, degrees: Double = 0) {
    let turn = degrees == 0 ? "" : " transform=\"rotate(\(pixels(degrees)) \(pixels(at.x)) \(pixels(at.y)))\""
    elements.append(
      "<text class=\"\(name)\" x=\"\(pixels(at.x))\" y=\"\(pixels(at.y))\"\(turn)>\(escaped(text))</text>")
  }

  /// About how wide a label is; generous, since fonts differ.
  static func width(of text: String) -> Double { 7.3 * Double(text.count) }

  private func pixels(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
  }
}
