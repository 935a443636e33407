// SPDX-License-Identifier: Apache-2.0

/// One product C = A · Bᵀ with its operands, all row-major: A is m × k, B is n × k (as a linear layer stores its weight),
/// C is m × n.
///
/// The operands are integers from −4 to 4: every sum of products is then below 2²⁴ for k up to a million, and exact in
/// f32 whatever the order of addition. So there is one right result, and a check needs no tolerance.
struct Problem {
  let shape: Shape
  let a: [Float]
  let b: [Float]

  init(_ shape: Shape, seed: UInt64 = 1) {
    var random = SplitMix64(state: seed)
    self.shape = shape
    a = (0..<shape.m * shape.k).map { _ in Float(Int.random(in: -4...4, using: &random)) }
    b = (0..<shape.n * shape.k).map { _ in Float(Int.random(in: -4...4, using: &random)) }
  }

  /// How many rows of `c` are not the product's, told by C·v = A·(Bᵀ·v) for a random vector v without zeros; 0 if `c` is
  /// right. Additions: m·n + m·k + n·k, all exact in f64.
  func wrongRows(of c: [Float], seed: UInt64 = 2) -> Int {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    guard c.count == m * n else { return m }
    var random = SplitMix64(state: seed)
    let v = (0..<n).map { _ in Double(Int.random(in: 1...1000, using: &random)) }
    var bv = [Double](repeating: 0, count: k)
    for j in 0..<n {
      for p in 0..<k { bv[p] += Double(b[j * k + p]) * v[j] }
    }
    return (0..<m).count { i in
      var got = 0.0
      var expected = 0.0
      for j in 0..<n { got += Double(c[i * n + j]) * v[j] }
      for p in 0..<k { expected += Double(a[i * k + p]) * bv[p] }
      return got != expected
    }
  }
}

/// A seedable generator, so that a run can be repeated: Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
