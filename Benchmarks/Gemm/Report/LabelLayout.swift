// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A rectangle of a drawing.
struct Box {
  let x: Double
  let y: Double
  let width: Double
  let height: Double

  func contains(_ point: Point) -> Bool {
    point.x > x && point.x < x + width && point.y > y && point.y < y + height
  }

  func contains(_ other: Box) -> Bool {
    other.x >= x && other.y >= y && other.x + other.width <= x + width && other.y + other.height <= y + height
  }

  func overlaps(_ other: Box) -> Bool {
    x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height
  }
}

/// Finds places for labels beside dots: the nearest free one, on circles that grow until there is one.
struct LabelLayout {
  /// Where a label goes, and the line to its dot where it is not next to it.
  struct Place {
    let baseline: Point
    let leader: (from: Point, to: Point)?
  }

  private let bounds: Box
  private let dots: [Point]
  /// Points of lines that no label may cover.
  private var covered: [Point]
  private var labels: [Box] = []
  private var leaders: [Point] = []

  private static let dotRadius = 7.0
  private static let textHeight = 13.0

  init(bounds: Box, dots: [Point], lines: [(Point, Point)]) {
    self.bounds = bounds
    self.dots = dots
    covered = lines.flatMap { Self.points(from: $0.0, to: $0.1) }
  }

  /// Takes the nearest free place for `text`; far away it overlaps rather than being left out.
  mutating func place(_ text: String, at dot: Point) -> Place {
    let candidates = [9.0, 20, 32, 45, 60, 77, 96, 118, 142, 170, 200, 240, 280, 330].flatMap { radius in
      (0..<24).map { candidate(text, at: dot, radius: radius, angle: Double($0) * .pi / 12) }
    }
    let choice = candidates.first { isFree($0.box, $0.leader, of: dot) } ?? candidates[0]
    labels.append(choice.box)
    covered += choice.leader
    leaders += choice.leader
    let baseline = Point(x: choice.box.x + 2, y: choice.box.y + choice.box.height - 3)
    guard let end = choice.leader.last else { return Place(baseline: baseline, leader: nil) }
    return Place(baseline: baseline, leader: (dot, end))
  }

  /// A box that touches the circle round the dot, and the points of the line between them.
  private func candidate(
    _ text: String, at dot: Point, radius: Double, angle: Double
  ) -> (box: Box, leader: [Point]) {
    let (width, height) = (Drawing.width(of: text), Self.textHeight)
    let touch = Point(x: dot.x + radius * cos(angle), y: dot.y + radius * sin(angle))
    // The side of the box that faces the dot has the touching point: its ends at right and left, its middle else.
    let box = Box(
      x: touch.x - width * (1 - cos(angle)) / 2, y: touch.y - height * (1 - sin(angle)) / 2, width: width,
      height: height)
    return (box, radius < 12 ? [] : Self.points(from: dot, to: touch))
  }

  private func isFree(_ box: Box, _ leader: [Point], of dot: Point) -> Bool {
    guard bounds.contains(box), !labels.contains(where: box.overlaps), !covered.contains(where: box.contains) else {
      return false
    }
    let ring = Self.dotRadius
    for other in dots {
      if box.overlaps(Box(x: other.x - ring, y: other.y - ring, width: 2 * ring, height: 2 * ring)) { return false }
      // A line past another dot would seem to be that dot's, unless the two dots are almost one.
      if other.distance(to: dot) > 2 * ring, leader.contains(where: { $0.distance(to: other) < ring }) { return false }
    }
    // Lines of two dots that are almost one may begin together, but not meet further on.
    return !leader.contains { point in
      labels.contains { $0.contains(point) }
        || point.distance(to: dot) > 2 * ring && leaders.contains { $0.distance(to: point) < 3 }
    }
  }

  private static func points(from: Point, to: Point) -> [Point] {
    let count = max(1, Int(from.distance(to: to) / 3))
    return (0...count).map { step in
      let share = Double(step) / Double(count)
      return Point(x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y))
    }
  }
}
