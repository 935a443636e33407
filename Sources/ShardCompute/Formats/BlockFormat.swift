// SPDX-License-Identifier: Apache-2.0

/// The layout of one block of a tensor type. Conformances bear GGML's names and follow its `ggml-common.h`.
///
/// Products and sums round after each operation, in the order of GGML's reference code, so that results have equal bits.
package protocol BlockFormat: SendableMetatype {
  /// How many elements a block holds.
  static var elementCount: Int { get }
  /// How many bytes a block takes.
  static var byteCount: Int { get }
  /// Writes the block's `elementCount` values to `output`. `block` has `byteCount` bytes and any alignment.
  static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>)
  /// Whether values are scale · q + offset.
  static var hasOffsets: Bool { get }
  /// Writes the offset of each value of the block to `output`; only for formats that have offsets.
  static func offsets(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>)
  /// Decodes `count` consecutive blocks. A requirement, so that each conformance has its loop compiled for itself.
  static func decode(blocks: UnsafeRawPointer, count: Int, into output: UnsafeMutablePointer<Float>)
}

extension BlockFormat {
  package static var hasOffsets: Bool { false }

  package static func offsets(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    output.update(repeating: 0, count: elementCount)
  }

  package static func decode(blocks: UnsafeRawPointer, count: Int, into output: UnsafeMutablePointer<Float>) {
    let bytes = blocks.assumingMemoryBound(to: UInt8.self)
    for index in 0..<count {
      decode(bytes + index &* byteCount, into: output + index &* elementCount)
    }
  }
}

extension UnsafePointer<UInt8> {
  /// The IEEE half at byte `offset`, as f32.
  @inline(__always)
  func half(at offset: Int) -> Float {
    Float(halfBits: UnsafeRawPointer(self).loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
}

extension Float {
  /// The f32 of the same value as the IEEE half with these bits.
  ///
  /// Integer arithmetic that the compiler can vectorise; `Float(Float16)` is a function call on baseline x86-64.
  @inline(__always)
  package init(halfBits bits: UInt16) {
    let magnitude = UInt32(bits & 0x7fff)
    // Moving the exponent's bits leaves it 112 too low, for subnormals too; the product is exact.
    let scaled = (Float(bitPattern: magnitude << 13) * 0x1p112).bitPattern
    let nonFinite: UInt32 = magnitude >= 0x7c00 ? 0x7f80_0000 : 0
    self.init(bitPattern: scaled | nonFinite | UInt32(bits & 0x8000) << 16)
  }
}

/// One IEEE single.
package enum F32: BlockFormat {
  package static var elementCount: Int { 1 }
  package static var byteCount: Int { 4 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let bits = UnsafeRawPointer(block).loadUnaligned(as: UInt32.self)
    output[0] = Float(bitPattern: bits)
  }
}

/// One IEEE half.
package enum F16: BlockFormat {
  package static var elementCount: Int { 1 }
  package static var byteCount: Int { 2 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    output[0] = block.half(at: 0)
  }
}

/// The upper half of an IEEE single.
package enum BF16: BlockFormat {
  package static var elementCount: Int { 1 }
  package static var byteCount: Int { 2 }

  @inline(__always)
  package static func decode(_ block: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
    let bits = UnsafeRawPointer(block).loadUnaligned(as: UInt16.self)
    output[0] = Float(bitPattern: UInt32(bits) << 16)
  }
}
