// SPDX-License-Identifier: Apache-2.0

// Blocks of 32 elements with one scale. Four-bit values are stored as 16 bytes: element i in the low half of byte i,
// element 16 + i in the high half. The fifth bit of element i is bit i of a 32-bit word.

/// Four bits and a scale: d · (q − 8).
package enum Q4_0: BlockFormat {
  package static var elementCount: Int { 32 }
  package static var byteCount: Int { 18 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 0)
    let quants = block + 2
    for i in 0..<16 {
      output[i] = d * Float(Int32(quants[i] & 15) &- 8)
      output[i &+ 16] = d * Float(Int32(quants[i] >> 4) &- 8)
    }
  }
}

/// Four bits, a scale and a minimum: d · q + m.
package enum Q4_1: BlockFormat {
  package static var elementCount: Int { 32 }
  package static var byteCount: Int { 20 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 0)
    let m = block.half(at: 2)
    let quants = block + 4
    for i in 0..<16 {
      output[i] = d * Float(Int32(quants[i] & 15)) + m
      output[i &+ 16] = d * Float(Int32(quants[i] >> 4)) + m
    }
  }

  package static var hasOffsets: Bool { true }

  package static func offsets(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    output.update(repeating: block.half(at: 2), count: elementCount)
  }
}

/// Five bits and a scale: d · (q − 16).
package enum Q5_0: BlockFormat {
  package static var elementCount: Int { 32 }
  package static var byteCount: Int { 22 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 0)
    let high = UnsafeRawPointer(block).loadUnaligned(fromByteOffset: 2, as: UInt32.self)
    let quants = block + 6
    for i in 0..<16 {
      let bits = high &>> UInt32(truncatingIfNeeded: i)
      output[i] = d * Float(Int32(bitPattern: UInt32(quants[i] & 15) | (bits & 1) << 4) &- 16)
      output[i &+ 16] = d * Float(Int32(bitPattern: UInt32(quants[i] >> 4) | (bits >> 12) & 16) &- 16)
    }
  }
}

/// Five bits, a scale and a minimum: d · q + m.
package enum Q5_1: BlockFormat {
  package static var elementCount: Int { 32 }
  package static var byteCount: Int { 24 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 0)
    let m = block.half(at: 2)
    let high = UnsafeRawPointer(block).loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    let quants = block + 8
    for i in 0..<16 {
      let bits = high &>> UInt32(truncatingIfNeeded: i)
      output[i] = d * Float(Int32(bitPattern: UInt32(quants[i] & 15) | (bits & 1) << 4)) + m
      output[i &+ 16] = d * Float(Int32(bitPattern: UInt32(quants[i] >> 4) | (bits >> 12) & 16)) + m
    }
  }

  package static var hasOffsets: Bool { true }

  package static func offsets(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    output.update(repeating: block.half(at: 2), count: elementCount)
  }
}

/// Eight bits and a scale: d · q.
package enum Q8_0: BlockFormat {
  package static var elementCount: Int { 32 }
  package static var byteCount: Int { 34 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 0)
    let quants = block + 2
    for i in 0..<32 {
      output[i] = d * Float(Int32(Int8(bitPattern: quants[i])))
    }
  }
}

/// Four bits that number a value of a fixed table, and a scale.
package enum IQ4_NL: BlockFormat {
  package static var elementCount: Int { 32 }
  package static var byteCount: Int { 18 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    decode(block + 2, scale: block.half(at: 0), into: output)
  }

  /// The 32 elements of 16 bytes.
  @inline(__always)
  package static func decode(_ quants: UnsafePointer<UInt8>, scale: Float, into output: UnsafeMutablePointer<Float>) {
    for i in 0..<16 {
      output[i] = scale * value(quants[i] & 15)
      output[i &+ 16] = scale * value(quants[i] >> 4)
    }
  }

  /// Entry `index` (0 to 15) of the table −127 −104 −83 −65 −49 −35 −22 −10 1 13 25 38 53 69 89 113, held in two words.
  @inline(__always)
  private static func value(_ index: UInt8) -> Float {
    let word: UInt64 = index < 8 ? 0xf6ea_ddcf_bfad_9881 : 0x7159_4535_2619_0d01
    return Float(Int32(Int8(truncatingIfNeeded: word &>> (UInt64(index & 7) &* 8))))
  }
}
