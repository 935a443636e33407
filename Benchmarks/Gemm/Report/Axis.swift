// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A logarithmic axis.
struct Axis {
  let values: ClosedRange<Double>
  let pixels: (from: Double, to: Double)
  /// Powers of the base inside `values`, no closer than labels need.
  let ticks: [Double]

  /// An axis of positive values, drawn from one pixel to the other; more than 12 ticks are thinned out.
  init(_ values: ClosedRange<Double>, base: Double, pixels: (from: Double, to: Double)) {
    self.values = values
    self.pixels = pixels
    let first = Int((log(values.lowerBound) / log(base)).rounded(.up))
    let last = Int((log(values.upperBound) / log(base)).rounded(.down))
    let step = max(1, (last - first) / 12 + ((last - first) % 12 == 0 ? 0 : 1))
    ticks = stride(from: first, through: last, by: step).map { pow(base, Double($0)) }
  }

  func position(of value: Double) -> Double {
    let share = log(value / values.lowerBound) / log(values.upperBound / values.lowerBound)
    return pixels.from + share * (pixels.to - pixels.from)
  }
}
