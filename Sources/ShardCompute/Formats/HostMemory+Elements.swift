// SPDX-License-Identifier: Apache-2.0

extension HostMemory {
  /// A copy of `values` as `elementType`, each rounded to the nearest, ties to even.
  package convenience init(_ values: [Float], as elementType: ElementType) {
    switch elementType {
    case .f32: self.init(values)
    case .f16: self.init(values.map { Float16($0) })
    case .bf16: self.init(values.map(Self.bfloatBits))
    }
  }

  /// Elements `range` as f32.
  package func floats(_ range: Range<Int>, _ elementType: ElementType) -> [Float] {
    withBytes { bytes in
      switch elementType {
      case .f32: range.map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      case .f16: range.map { Float(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: Float16.self)) }
      case .bf16:
        range.map { Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) << 16) }
      }
    }
  }

  private static func bfloatBits(_ value: Float) -> UInt16 {
    if value.isNaN { return 0x7fc0 }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
  }
}
