// SPDX-License-Identifier: Apache-2.0

// Super-blocks of 256 elements in groups of 16 or 32, each group with a small integer scale (and minimum) of its own,
// which one or two halves per super-block scale in turn.

/// Two bits in groups of 16: (d · scale) · q − (dmin · minimum).
package enum Q2_K: BlockFormat {
  package static var elementCount: Int { 256 }
  package static var byteCount: Int { 84 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 80)
    let dmin = block.half(at: 82)
    for group in 0..<16 {
      let scale = d * Float(Int32(block[group] & 15))
      let minimum = dmin * Float(Int32(block[group] >> 4))
      let quants = block + 16 + (group >> 3) &* 32 + (group & 1) &* 16
      let shift = UInt8(truncatingIfNeeded: (group >> 1 & 3) &* 2)
      let values = output + group &* 16
      for i in 0..<16 {
        values[i] = scale * Float(Int32(quants[i] &>> shift & 3)) - minimum
      }
    }
  }
}

/// Two bits and a third in a mask, in groups of 16: (d · (scale − 32)) · (q − 4), scales of six bits.
package enum Q3_K: BlockFormat {
  package static var elementCount: Int { 256 }
  package static var byteCount: Int { 110 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 108)
    let scales = block + 96
    for group in 0..<16 {
      let low = scales[group & 7] >> (group < 8 ? 0 : 4) & 15
      let high = scales[8 &+ (group & 3)] &>> UInt8(truncatingIfNeeded: (group >> 2) &* 2) & 3
      let scale = d * Float(Int32(low | high << 4) &- 32)
      let part = (group & 1) &* 16
      let quants = block + 32 + (group >> 3) &* 32 + part
      let mask = block + part
      let shift = UInt8(truncatingIfNeeded: (group >> 1 & 3) &* 2)
      let bit = UInt8(truncatingIfNeeded: group >> 1)
      let values = output + group &* 16
      for i in 0..<16 {
        let third = (mask[i] &>> bit & 1) << 2
        values[i] = scale * Float(Int32(quants[i] &>> shift & 3 | third) &- 4)
      }
    }
  }
}

/// The six-bit scales and minima of Q4_K and Q5_K: 12 bytes at byte 4, of which groups 4 to 7 get their upper bits from
/// the top of those of groups 0 to 3.
@inline(__always)
private func scaleAndMinimum(_ block: UnsafePointer<UInt8>, _ group: Int) -> (scale: Float, minimum: Float) {
  let packed = block + 4
  let scale: UInt8
  let minimum: UInt8
  if group < 4 {
    scale = packed[group] & 63
    minimum = packed[group &+ 4] & 63
  } else {
    scale = packed[group &+ 4] & 15 | packed[group &- 4] >> 2 & 48
    minimum = packed[group &+ 4] >> 4 | packed[group] >> 2 & 48
  }
  return (block.half(at: 0) * Float(Int32(scale)), block.half(at: 2) * Float(Int32(minimum)))
}

/// The offsets −(dmin · minimum) of Q4_K and Q5_K, for each element.
private func groupOffsets(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
  for group in 0..<8 {
    (output + group &* 32).update(repeating: -scaleAndMinimum(block, group).minimum, count: 32)
  }
}

/// Four bits in groups of 32: (d · scale) · q − (dmin · minimum).
package enum Q4_K: BlockFormat {
  package static var elementCount: Int { 256 }
  package static var byteCount: Int { 144 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    for group in 0..<8 {
      let (scale, minimum) = scaleAndMinimum(block, group)
      let quants = block + 16 + (group >> 1) &* 32
      let shift = UInt8(truncatingIfNeeded: (group & 1) &* 4)
      let values = output + group &* 32
      for i in 0..<32 {
        values[i] = scale * Float(Int32(quants[i] &>> shift & 15)) - minimum
      }
    }
  }

  package static var hasOffsets: Bool { true }

  package static func offsets(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    groupOffsets(block, into: output)
  }
}

/// Five bits in groups of 32: as Q4_K, with bit g of byte i the fifth bit of element i of group g.
package enum Q5_K: BlockFormat {
  package static var elementCount: Int { 256 }
  package static var byteCount: Int { 176 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let high = block + 16
    for group in 0..<8 {
      let (scale, minimum) = scaleAndMinimum(block, group)
      let quants = block + 48 + (group >> 1) &* 32
      let shift = UInt8(truncatingIfNeeded: (group & 1) &* 4)
      let bit = UInt8(truncatingIfNeeded: group)
      let values = output + group &* 32
      for i in 0..<32 {
        let fifth = (high[i] &>> bit & 1) << 4
        values[i] = scale * Float(Int32(quants[i] &>> shift & 15 | fifth)) - minimum
      }
    }
  }

  package static var hasOffsets: Bool { true }

  package static func offsets(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    groupOffsets(block, into: output)
  }
}

/// Four bits and two more, in groups of 16: (d · scale) · (q − 32), scales of eight bits.
package enum Q6_K: BlockFormat {
  package static var elementCount: Int { 256 }
  package static var byteCount: Int { 210 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 208)
    for group in 0..<16 {
      let scale = d * Float(Int32(Int8(bitPattern: block[192 &+ group])))
      let half = group >> 3  // Each half of the block has 64 bytes of low bits and 32 of high ones.
      let quarter = group >> 1 & 3
      let part = (group & 1) &* 16
      let low = block + half &* 64 + (quarter & 1) &* 32 + part
      let high = block + 128 + half &* 32 + part
      let lowShift = UInt8(truncatingIfNeeded: (quarter >> 1) &* 4)
      let highShift = UInt8(truncatingIfNeeded: quarter &* 2)
      let values = output + group &* 16
      for i in 0..<16 {
        let quant = low[i] &>> lowShift & 15 | (high[i] &>> highShift & 3) << 4
        values[i] = scale * Float(Int32(quant) &- 32)
      }
    }
  }
}

/// IQ4_NL's values in groups of 32, each with a six-bit scale: (d · (scale − 32)) · table[q].
package enum IQ4_XS: BlockFormat {
  package static var elementCount: Int { 256 }
  package static var byteCount: Int { 136 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let d = block.half(at: 0)
    let high = UnsafeRawPointer(block).loadUnaligned(fromByteOffset: 2, as: UInt16.self)
    for group in 0..<8 {
      let lowBits = block[4 &+ group >> 1] &>> UInt8(truncatingIfNeeded: (group & 1) &* 4) & 15
      let highBits = high &>> UInt16(truncatingIfNeeded: group &* 2) & 3
      let scale = d * Float(Int32(lowBits) | Int32(highBits) << 4 &- 32)
      IQ4_NL.decode(block + 8 + group &* 16, scale: scale, into: output + group &* 32)
    }
  }
}
