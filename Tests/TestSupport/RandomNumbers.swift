// SPDX-License-Identifier: Apache-2.0

/// SplitMix64, https://doi.org/10.1145/2714064.2660195: the same numbers for the same seed everywhere.
public struct RandomNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Numbers that follow from `seed` alone.
  public init(seed: UInt64) { state = seed }

  /// Numbers that follow from `seed` alone.
  public init(_ seed: TestSeed) { state = seed.value }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// `count` whole numbers of `range` as floats.
  public mutating func integers(_ count: Int, in range: ClosedRange<Int>) -> [Float] {
    let width = UInt64(range.upperBound - range.lowerBound + 1)
    return (0..<count).map { _ in Float(range.lowerBound + Int(next() % width)) }
  }

  /// `count` floats of (-1, 1) with 24 random bits and magnitudes over eight powers of two, so that sums round.
  public mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in
      let bits = next()
      return Float(Int(bits >> 40) - 1 << 23) * 0x1p-23 / Float(1 << Int(bits & 7))
    }
  }

  /// `count` bytes.
  public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

extension Array {
  /// The elements again and again until there are `count`: long data for the price of a short one.
  public func repeated(to count: Int) -> [Element] {
    guard !isEmpty else { return [] }
    var result: [Element] = []
    result.reserveCapacity(count + self.count)
    while result.count < count { result.append(contentsOf: self) }
    result.removeLast(result.count - count)
    return result
  }
}
