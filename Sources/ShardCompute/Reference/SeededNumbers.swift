// SPDX-License-Identifier: Apache-2.0

/// Random numbers that follow from a seed and a position alone: SplitMix64, https://doi.org/10.1145/2714064.2660195.
package struct SeededNumbers: Sendable {
  package let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// Numbers of their own for each `name`, so that a case has the same ones whether it runs alone or among others.
  package init(seed: UInt64, name: String) {
    self.seed = name.utf8.reduce(seed ^ 0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// The 64 bits at `index`.
  package subscript(index: Int) -> UInt64 {
    var z = seed &+ UInt64(truncatingIfNeeded: index + 1) &* 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// `count` numbers of [-1, 1), each a multiple of 2⁻²³.
  package func floats(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
      for index in 0..<count { buffer[index] = Float(Int(self[index] >> 40) - 1 << 23) * 0x1p-23 }
      initialised = count
    }
  }

  /// `count` whole numbers from -4 to 4: sums of a million products of such are exact in f32, in any order.
  package func integers(_ count: Int) -> [Float] {
    (0..<count).map { Float(Int(self[$0] % 9) - 4) }
  }

  /// Random blocks of a quantised weight, row-major: scales of up to an eighth, or 1 where `whole`, so that values are
  /// whole numbers.
  package func blocks(rows: Int, columns: Int, format: WeightFormat, whole: Bool = false) throws -> HostMemory {
    let memory = HostMemory(byteCount: try format.byteCount(rows: rows, columns: columns))
    let size = format.blockByteCount
    memory.withMutableBytes { bytes in
      for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: self[index / 8] >> UInt64(index % 8 * 8)) }
      for (block, start) in stride(from: 0, to: bytes.count, by: size).enumerated() {
        for (number, offset) in format.halfOffsets.enumerated() {
          // Exponents of 2⁻⁷ to 2⁻⁴, any mantissa and sign.
          let random = UInt16(truncatingIfNeeded: self[~(2 * block + number)])
          let half = whole ? 0x3c00 : (8 + random >> 10 & 3) << 10 | random & 0x83ff
          bytes.storeBytes(of: half.littleEndian, toByteOffset: start + offset, as: UInt16.self)
        }
      }
    }
    return memory
  }

  /// `count` times 1 or -1.
  package func signs(_ count: Int) -> [Double] { (0..<count).map { self[$0] >> 63 == 0 ? 1 : -1 } }
}
