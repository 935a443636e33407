// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCompute

/// One product C = A · Bᵀ with its operands, all row-major: A is m × k, B is n × k (as a linear layer stores its weight),
/// C is m × n.
///
/// All operands are integers: those of A, and of B in formats of elements, from −4 to 3; those of quantised weights have
/// 1 for the scale of a block and random bytes for the rest, which makes them of four digits at most. So sums stay below
/// 2²⁴, where f32 is exact whatever the order of addition. There is one right result, and a check needs no tolerance.
struct Problem {
  let shape: Shape
  let format: WeightFormat
  let a: HostMemory
  let b: HostMemory

  init(_ shape: Shape, _ format: WeightFormat, seed: UInt64 = 1) throws {
    var random = SplitMix64(state: seed)
    self.shape = shape
    self.format = format
    a = HostMemory(byteCount: 4 * shape.m * shape.k)
    b = HostMemory(byteCount: try format.byteCount(rows: shape.n, columns: shape.k))
    a.fill(with: Self.integers.map(\.bitPattern), &random)
    switch format {
    case .f32: b.fill(with: Self.integers.map(\.bitPattern), &random)
    case .f16: b.fill(with: Self.integers.map { Float16($0).bitPattern }, &random)
    case .bf16: b.fill(with: Self.integers.map { UInt16($0.bitPattern >> 16) }, &random)
    default:
      b.fillWithBytes(&random)
      b.setHalves(at: format.scaleOffsets, every: format.blockByteCount, to: Float16(1).bitPattern)
    }
  }

  private static let integers = (-4...3).map { Float($0) }

  /// Whether `c` is the product, to the last bit: every element is compared where that takes a second or less, else the
  /// product of `c` with a vector of random signs.
  func isProduct(_ c: HostMemory) throws -> Bool {
    guard c.byteCount == 4 * shape.m * shape.n else { return false }
    let reference = try ProductReference(
      m: shape.m, n: shape.n, k: shape.k, a: a, weight: b, format: format)
    if shape.flops < 2e9 { return reference.differentElements(of: c, rows: [0..<shape.m]) == 0 }
    return reference.residualOverBound(of: c, seed: 2) == 0
  }
}

extension WeightFormat {
  /// Where a block of GGML's `ggml-common.h` has halves: the scale, and the scale of the offsets.
  fileprivate var scaleOffsets: [Int] {
    switch self {
    case .f32, .f16, .bf16: []
    case .q8_0, .q4_0, .q5_0, .iq4_nl: [0]
    case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
    case .q6_K: [208]
    }
  }
}

extension HostMemory {
  /// Fills the block with random ones of eight values.
  fileprivate func fill<T: FixedWidthInteger>(with values: [T], _ random: inout SplitMix64) {
    withMutableBytes { bytes in
      let elements = bytes.bindMemory(to: T.self)
      values.withUnsafeBufferPointer { values in
        for start in stride(from: 0, to: elements.count, by: 16) {
          var bits = random.next()
          for index in start..<min(start + 16, elements.count) {
            elements[index] = values[Int(bits & 7)]
            bits >>= 3
          }
        }
      }
    }
  }

  fileprivate func fillWithBytes(_ random: inout SplitMix64) {
    withMutableBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: 8) {
        withUnsafeBytes(of: random.next()) { word in
          for index in start..<min(start + 8, bytes.count) { bytes[index] = word[index - start] }
        }
      }
    }
  }

  fileprivate func setHalves(at offsets: [Int], every stride: Int, to half: UInt16) {
    withMutableBytes { bytes in
      for offset in offsets {
        for start in Swift.stride(from: offset, to: bytes.count, by: stride) {
          bytes.storeBytes(of: half, toByteOffset: start, as: UInt16.self)
        }
      }
    }
  }
}
