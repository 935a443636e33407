// SPDX-License-Identifier: Apache-2.0

/// What becomes of a score before it is compared or summed: x · scale, and where there is a cap, cap · tanh(x / cap) of it.
struct ScoreScale: Sendable {
  /// What kernels multiply by: the scale, divided by the cap where there is one.
  let factor: Float
  /// The cap, 0 for none.
  let cap: Float

  /// - Throws: `ComputeError.mismatch` for a cap that is not positive and finite.
  init(_ scale: Float, softCap: Float?) throws {
    guard let softCap else {
      (factor, cap) = (scale, 0)
      return
    }
    guard softCap > 0, softCap.isFinite else {
      throw ComputeError.mismatch("a soft-cap of \(softCap); it is positive and finite")
    }
    (factor, cap) = (Float(Double(scale) / Double(softCap)), softCap)
  }
}
