// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// Which steps of an epilogue a case has, and what they make of sums.
struct EpilogueSteps: Sendable, CustomStringConvertible {
  var hasBias = false
  var activation = Epilogue.Activation.none
  var isGated = false
  var hasResidual = false

  /// Each step alone, each activation, and all together.
  static let all =
    [
      EpilogueSteps(hasBias: true), EpilogueSteps(hasResidual: true), EpilogueSteps(isGated: true),
      EpilogueSteps(hasBias: true, activation: .silu, isGated: true, hasResidual: true),
    ] + Epilogue.Activation.allCases.filter { $0 != .none }.map { EpilogueSteps(hasBias: true, activation: $0) }
  /// What layers of models have: a gated one, and one with a bias.
  static let usual = [
    EpilogueSteps(activation: .silu, isGated: true),
    EpilogueSteps(hasBias: true, activation: .geluTanh, hasResidual: true),
  ]

  var isNone: Bool { !hasBias && activation == .none && !isGated && !hasResidual }

  var description: String {
    [
      hasBias ? "bias" : nil, activation == .none ? nil : activation.rawValue, isGated ? "gated" : nil,
      hasResidual ? "residual" : nil,
    ].compactMap(\.self).joined(separator: "-")
  }

  /// Columns of the result for `n` rows of a weight.
  func columns(_ n: Int) -> Int { isGated ? n / 2 : n }

  /// The definition: what becomes of a sum, and of the next one where columns come in pairs.
  func apply(_ v: Float, next: Float, residual: Float) -> Float {
    let activated = activation == .none ? v : activation(v)
    let result = isGated ? activated * next : activated
    return hasResidual ? result + residual : result
  }

  /// The same in f64, of sums that are off by at most their `error`.
  func apply(_ v: Approximate, next: Approximate, residual: Float) -> Approximate {
    let activated = activation.exact(v)
    let result = isGated ? activated * next : activated
    return hasResidual ? result + Double(residual) : result
  }
}

/// A number of f64, and how far its computation in f32 may be from it.
struct Approximate: Sendable {
  let value: Double
  let error: Double
  private static let rounding = 0x1p-24

  static func + (left: Approximate, right: Double) -> Approximate {
    Approximate(value: left.value + right, error: left.error + rounding * (abs(left.value + right) + left.error))
  }

  static func * (left: Approximate, right: Approximate) -> Approximate {
    let error = left.error * abs(right.value) + right.error * abs(left.value) + left.error * right.error
    return Approximate(
      value: left.value * right.value, error: error + rounding * (abs(left.value * right.value) + error))
  }
}

extension Epilogue.Activation {
  /// The activation in f64: its error is that of `v` times the steepest slope, and eight roundings of `v`.
  fileprivate func exact(_ v: Approximate) -> Approximate {
    let x = v.value
    let (value, slope): (Double, Double) =
      switch self {
      case .none: (x, 1)
      case .relu: (max(x, 0), 1)
      case .reluSquared: (x > 0 ? x * x : 0, 2 * abs(x) + v.error)
      case .silu: (x / (1 + exp(-x)), 1.1)
      case .gelu: (x / 2 * (1 + erf(x / 2.0.squareRoot())), 1.13)
      case .geluTanh: (x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))), 1.13)
      }
    let rounding = self == .none ? 0 : 8 * 0x1p-24 * (self == .reluSquared ? value : abs(x))
    return Approximate(value: value, error: slope * v.error + rounding)
  }
}
