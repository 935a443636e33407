// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The judge of what lies between products: a layer's definition in f64, and the same formula in plain f32, one operation
/// after the other with the platform's functions.
///
/// A result is right when its error is at most twice the largest one that plain f32 makes in the row, plus a unit in the
/// last place.
public struct LayerReference: Sendable {
  /// The exact values, row by row.
  public let exact: [Double]
  /// What plain f32 gives.
  public let plain: [Float]
  /// Elements of a row.
  public let columns: Int

  package init(exact: [Double], plain: [Float], columns: Int) {
    (self.exact, self.plain, self.columns) = (exact, plain, columns)
  }

  /// The largest error of `found` in units of the bound: at most 1 where it is right, infinite for a NaN or infinity in the
  /// wrong place.
  public func largestErrorOverBound(of found: [Float]) -> Double {
    guard found.count == exact.count else { return .infinity }
    var largest = 0.0
    for start in stride(from: 0, to: exact.count, by: max(1, columns)) {
      let row = start..<min(start + columns, exact.count)
      let rounding = row.reduce(0.0) { worst, i in
        let error = abs(Double(plain[i]) - exact[i])
        return error.isFinite ? max(worst, error) : worst
      }
      for i in row {
        if found[i].isNaN && exact[i].isNaN || Double(found[i]) == exact[i] { continue }
        let ratio = abs(Double(found[i]) - exact[i]) / (2 * rounding + abs(exact[i]) * 0x1p-23 + 0x1p-149)
        largest = max(largest, ratio.isNaN ? .infinity : ratio)
      }
    }
    return largest
  }

  /// Rows of `columns` values that `exact` and `plain` make of rows of `x`.
  private init(
    _ x: [Float], columns: Int, exact: ([Double]) -> [Double], plain: (ArraySlice<Float>) -> [Float]
  ) {
    let starts = Array(stride(from: 0, to: x.count, by: max(1, columns)))
    self.init(
      exact: starts.flatMap { exact(x[$0..<$0 + columns].map(Double.init)) },
      plain: starts.flatMap { plain(x[$0..<$0 + columns]) }, columns: columns)
  }

  /// A `Norm` of rows of `columns`.
  public static func norm(
    _ kind: Norm.Kind, _ x: [Float], columns: Int, weight: [Float]? = nil, weightOffset: Float = 0,
    bias: [Float]? = nil, epsilon: Float
  ) -> LayerReference {
    let count = columns
    return LayerReference(
      x, columns: columns,
      exact: { row in
        let mean = kind == .layer ? row.reduce(0, +) / Double(count) : 0
        let square = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        let factor = 1 / (square + Double(epsilon)).squareRoot()
        return row.enumerated().map { j, e in
          (e - mean) * factor * (weight.map { Double(weightOffset) + Double($0[j]) } ?? 1) + Double(bias?[j] ?? 0)
        }
      },
      plain: { row in
        let mean = kind == .layer ? row.reduce(0, +) / Float(count) : 0
        let square = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(count)
        let factor = 1 / (square + epsilon).squareRoot()
        return row.enumerated().map { j, e in
          (e - mean) * factor * (weight.map { weightOffset + $0[j] } ?? 1) + (bias?[j] ?? 0)
        }
      })
  }

  /// A softmax of rows of `columns`, in which nothing is hidden.
  public static func softmax(
    _ x: [Float], columns: Int, scale: Float = 1, softCap: Float? = nil
  ) -> LayerReference {
    LayerReference(
      x, columns: columns,
      exact: { row in
        let e = exponentials(row.map { capped($0, scale, softCap) })
        let sum = e.reduce(0, +)
        return e.map { $0 / sum }
      },
      plain: { row in
        let scores = row.map { plainCapped($0, scale, softCap) }
        let largest = scores.max() ?? 0
        let e = scores.map { expf($0 - largest) }
        let sum = e.reduce(0, +)
        return e.map { $0 / sum }
      })
  }

  /// log Σ exp of rows of `columns`: one value each.
  public static func logSumExp(
    _ x: [Float], columns: Int, scale: Float = 1, softCap: Float? = nil
  ) -> LayerReference {
    let rows = LayerReference(
      x, columns: columns,
      exact: { row in
        let scores = row.map { capped($0, scale, softCap) }
        return [(scores.max() ?? 0) + log(exponentials(scores).reduce(0, +))]
      },
      plain: { row in
        let scores = row.map { plainCapped($0, scale, softCap) }
        let largest = scores.max() ?? 0
        return [largest + logf(scores.reduce(0) { $0 + expf($1 - largest) })]
      })
    return LayerReference(exact: rows.exact, plain: rows.plain, columns: 1)
  }

  /// activation(x) · up · scale.
  public static func elementwise(
    _ activation: Epilogue.Activation, _ x: [Float], times up: [Float]? = nil, scale: Float = 1, columns: Int
  ) -> LayerReference {
    LayerReference(
      exact: x.indices.map { activation.exact(Double(x[$0])) * Double(up?[$0] ?? 1) * Double(scale) },
      plain: x.indices.map { activation.plain(x[$0]) * (up?[$0] ?? 1) * scale }, columns: columns)
  }

  private static func exponentials(_ scores: [Double]) -> [Double] {
    let largest = scores.max() ?? 0
    return scores.map { exp($0 - largest) }
  }

  private static func capped(_ x: Double, _ scale: Float, _ softCap: Float?) -> Double {
    guard let softCap else { return x * Double(scale) }
    return Double(softCap) * tanh(x * Double(scale) / Double(softCap))
  }

  private static func plainCapped(_ x: Float, _ scale: Float, _ softCap: Float?) -> Float {
    softCap.map { $0 * tanhf(x * scale / $0) } ?? x * scale
  }
}

extension Epilogue.Activation {
  fileprivate func exact(_ x: Double) -> Double {
    switch self {
    case .none: x
    case .relu: max(x, 0)
    case .reluSquared: max(x, 0) * max(x, 0)
    case .silu: x / (1 + exp(-x))
    case .gelu: x / 2 * (1 + erf(x / 2.0.squareRoot()))
    case .geluTanh: x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }

  fileprivate func plain(_ x: Float) -> Float {
    switch self {
    case .none: x
    case .relu: max(x, 0)
    case .reluSquared: max(x, 0) * max(x, 0)
    case .silu: x / (1 + expf(-x))
    case .gelu: x / 2 * (1 + erff(x / Float(2).squareRoot()))
    case .geluTanh: x / 2 * (1 + tanhf((2 / Float.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }
}
