// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// Meshes of the CPU fallback: every count from one rank to more than a sum has leaves.
enum HostMeshes {
  static let rankCounts = [1, 2, 3, 4, 5, 8, 11]

  static func make(_ ranks: Int) throws -> DeviceMesh {
    try DeviceMesh((0..<ranks).map { HostDevice(selector: "host/\(ranks).\($0)", workers: 1) })
  }
}

/// A repeatable source of numbers (SplitMix64, Steele et al. 2014, https://doi.org/10.1145/2660193.2660195).
struct Numbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// Integers from -8 to 8: sums of products of less than 2^17 of them are exact in f32, in any order.
  mutating func integers(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(Int.random(in: -8...8, using: &self)) }
  }

  /// Values from -1 to 1, whose sums depend on the order.
  mutating func fractions(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -1...1, using: &self) } }

  /// A cut into parts of any size, some empty.
  mutating func partition(_ length: Int, parts: Int) throws -> Partition {
    let inner = (0..<parts - 1).map { _ in Int.random(in: 0...length, using: &self) }.sorted()
    return try .fromBorders([0] + inner + [length])
  }

  /// A cut on the borders of leaves, some parts empty.
  mutating func leafPartition(_ order: SumOrder, parts: Int) throws -> Partition {
    let inner = (0..<parts - 1).map { _ in Int.random(in: 0...SumOrder.leafCount, using: &self) }.sorted()
    return try .fromBorders(([0] + inner + [SumOrder.leafCount]).map(order.border))
  }
}

/// The bits of each value, so that comparisons see the sign of a zero.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
