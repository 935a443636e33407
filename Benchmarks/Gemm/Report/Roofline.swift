// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import Foundation
import ShardCompute

/// Rows as a roofline diagram (Williams, Waterman, Patterson 2009, https://doi.org/10.1145/1498765.1498785): the measured
/// limits of the device as the roof, and a dot for each work at its operations per byte and its speed.
struct Roofline {
  private let title: String
  private let rows: [Row]
  private let peakGflops: Double
  private let readGigabytes: Double
  private let x: Axis
  private let y: Axis

  private static let size = (width: 1120.0, height: 680.0)
  private static let margin = (left: 76.0, right: 24.0, top: 64.0, bottom: 62.0)

  init(_ rows: [Row], _ settings: Settings) {
    self.rows = rows.sorted { ($0.intensity, $0.gflops) < ($1.intensity, $1.gflops) }
    peakGflops = median(rows.map(\.peakGflops))
    readGigabytes = median(rows.map(\.readBytesPerSecond)) / 1e9
    let driver = settings.opened.driver.isEmpty ? "" : " · \(settings.opened.driver)"
    title = "ShardCL on \(settings.opened.device.name)\(driver)"
    // Room for the ridge, and for labels round the outermost dots.
    let intensities = rows.map(\.intensity) + [peakGflops / readGigabytes]
    let speeds = rows.map(\.gflops) + [peakGflops]
    let (size, margin) = (Self.size, Self.margin)
    x = Axis(
      (intensities.min() ?? 1) / 2...(intensities.max() ?? 1) * 3, base: 2,
      pixels: (margin.left, size.width - margin.right))
    y = Axis(
      (speeds.min() ?? 1) / 2...(speeds.max() ?? 1) * 1.6, base: 2, pixels: (size.height - margin.bottom, margin.top))
  }

  var svg: String {
    var drawing = Drawing(width: Self.size.width, height: Self.size.height, style: Self.style)
    drawing.text(title, at: Point(x: Self.margin.left, y: 26), class: "title")
    drawAxes(&drawing)
    let roof = drawRoof(&drawing)
    drawLegend(&drawing)
    let dots = rows.map { Point(x: x.position(of: $0.intensity), y: y.position(of: $0.gflops)) }
    var layout = LabelLayout(
      bounds: Box(
        x: x.pixels.from + 2, y: y.pixels.to + 2, width: x.pixels.to - x.pixels.from - 4,
        height: y.pixels.from - y.pixels.to - 4), dots: dots, lines: roof)
    for (row, dot) in zip(rows, dots) {
      let text = Self.label(of: row.work)
      let place = layout.place(text, at: dot)
      if let leader = place.leader { drawing.line(leader.from, leader.to, class: "leader") }
      drawing.text(text, at: place.baseline, class: "label")
    }
    for (row, dot) in zip(rows, dots) {
      let tip = "\(row.work.name): \(number(row.gflops)) GFLOPS at \(number(row.intensity)) FLOP/byte"
      drawing.dot(dot, class: Self.colourClass(row.work.format), tip: tip)
    }
    return drawing.svg
  }

  /// The shape as short as it stays clear; formats have colours.
  private static func label(of work: Work) -> String {
    let shape = work.shape
    if shape.m == shape.n, shape.n == shape.k { return "\(shape.m)³" }
    let format = work.format == .f32 ? "" : "\(work.format.rawValue) "
    return format + "\(shape.m)×\(shape.n)×\(shape.k)"
  }

  private func drawAxes(_ drawing: inout Drawing) {
    for tick in x.ticks {
      let at = x.position(of: tick)
      drawing.line(Point(x: at, y: y.pixels.from), Point(x: at, y: y.pixels.to), class: "grid")
      drawing.text(number(tick), at: Point(x: at, y: y.pixels.from + 18), class: "tick middle")
    }
    for tick in y.ticks {
      let at = y.position(of: tick)
      drawing.line(Point(x: x.pixels.from, y: at), Point(x: x.pixels.to, y: at), class: "grid")
      drawing.text(number(tick), at: Point(x: x.pixels.from - 8, y: at + 4), class: "tick end")
    }
    drawing.text(
      "operations per byte that has to move (weight as stored, A, C), FLOP/byte",
      at: Point(x: (x.pixels.from + x.pixels.to) / 2, y: y.pixels.from + 44), class: "axis middle")
    drawing.text(
      "GFLOPS", at: Point(x: 18, y: (y.pixels.from + y.pixels.to) / 2), class: "axis middle", degrees: -90)
  }

  /// The two limits with their figures; returns the lines that labels have to leave free.
  private func drawRoof(_ drawing: inout Drawing) -> [(Point, Point)] {
    let ridge = Point(x: x.position(of: peakGflops / readGigabytes), y: y.position(of: peakGflops))
    // The slope begins at the left border or at the lower one, whichever it meets first.
    let first = max(x.values.lowerBound, y.values.lowerBound / readGigabytes)
    let start = Point(x: x.position(of: first), y: y.position(of: first * readGigabytes))
    let end = Point(x: x.pixels.to, y: ridge.y)
    drawing.line(start, ridge, class: "roof")
    drawing.line(ridge, end, class: "roof")
    let peak = "fma peak \(number(peakGflops)) GFLOPS"
    drawing.text(peak, at: Point(x: end.x - 4, y: ridge.y - 8), class: "limit end")
    // Between the works of one row and of some, where dots are few.
    let read = "read \(number(readGigabytes)) GB/s"
    let slope = Point(x: ridge.x - start.x, y: ridge.y - start.y)
    let middle = Point(x: start.x + 0.82 * slope.x - 6, y: start.y + 0.82 * slope.y - 9)
    drawing.text(read, at: middle, class: "limit middle", degrees: atan2(slope.y, slope.x) * 180 / .pi)
    let half = Drawing.width(of: read) / 2 / hypot(slope.x, slope.y)
    return [
      (start, ridge), (ridge, end),
      (Point(x: end.x - 4 - Drawing.width(of: peak), y: ridge.y - 12), Point(x: end.x, y: ridge.y - 12)),
      (
        Point(x: middle.x - half * slope.x, y: middle.y - half * slope.y - 4),
        Point(x: middle.x + half * slope.x, y: middle.y + half * slope.y - 4)
      ),
    ]
  }

  private func drawLegend(_ drawing: inout Drawing) {
    var at = Point(x: Self.margin.left + 5, y: 46)
    for format in WeightFormat.allCases where rows.contains(where: { $0.work.format == format }) {
      drawing.dot(at, class: Self.colourClass(format), tip: nil)
      drawing.text(format.rawValue, at: Point(x: at.x + 9, y: at.y + 4), class: "tick")
      at.x += 28 + Drawing.width(of: format.rawValue)
    }
  }

  private func number(_ value: Double) -> String {
    value < 0.995
      ? String(format: "%.2g", value) : value < 9.95 ? String(format: "%.3g", value) : String(Int(value.rounded()))
  }

  private static func colourClass(_ format: WeightFormat) -> String { "f-\(format.rawValue)" }

  /// Colours of equal lightness round the wheel, so that they stand out on white and on black alike; grey for f32.
  private static var style: String {
    let coloured = WeightFormat.allCases.filter { $0 != .f32 }
    let dots = coloured.enumerated().map { index, format in
      let hue = (index * 360 / coloured.count * 4 + 210) % 360
      return ".\(colourClass(format)) { fill: hsl(\(hue), 72%, \(hue > 45 && hue < 200 ? 40 : 56)%); }"
    }
    return """
      text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #24292f; }
      .title { font-size: 15px; font-weight: 600; }
      .label { font-size: 11px; }
      .tick, .axis { fill: #57606a; }
      .limit { font-weight: 600; fill: #a40e26; }
      .middle { text-anchor: middle; }
      .end { text-anchor: end; }
      .grid { stroke: #8c959f; stroke-opacity: 0.22; }
      .roof { stroke: #cf222e; stroke-width: 2; stroke-linecap: round; }
      .leader { stroke: #8c959f; stroke-width: 0.8; }
      circle { stroke: #ffffff; stroke-width: 1; }
      .background { fill: #ffffff; }
      .f-f32 { fill: #6e7781; }
      \(dots.joined(separator: "\n"))
      @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; }
        .tick, .axis { fill: #9198a1; }
        .limit { fill: #ff8182; }
        .roof { stroke: #f85149; }
        circle { stroke: #0d1117; }
        .background { fill: #0d1117; }
      }
      """
  }
}
