// SPDX-License-Identifier: Apache-2.0
import Foundation

/// SplitMix64, https://doi.org/10.1145/2714064.2660195: the same numbers for the same seed everywhere.
public struct RandomNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Numbers that follow from `seed` alone.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
