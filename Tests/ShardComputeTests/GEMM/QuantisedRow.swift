// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A run of columns of a quantised row that share a scale, read from the bytes of a GGUF block.
///
/// Written after the loops of GGML's `dequantize_row_…`, apart from all that the library decodes with.
struct QuantisedGroup {
  var scale: Float
  var offset: Float = 0
  var values: [Float]

  /// The groups of one block.
  static func groups(ofBlock block: [UInt8], _ format: WeightFormat) -> [QuantisedGroup] {
    switch format {
    case .f32, .f16, .bf16: []
    case .q8_0:
      [QuantisedGroup(scale: half(block, 0), values: block[2...].map { Float(Int8(bitPattern: $0)) })]
    case .q4_0: [QuantisedGroup(scale: half(block, 0), values: nibbles(block[2...]).map { Float($0 - 8) })]
    case .q4_1:
      [QuantisedGroup(scale: half(block, 0), offset: half(block, 2), values: nibbles(block[4...]).map { Float($0) })]
    case .q5_0:
      [QuantisedGroup(scale: half(block, 0), values: fiveBits(block[6...], block[2..<6]).map { Float($0 - 16) })]
    case .q5_1:
      [
        QuantisedGroup(
          scale: half(block, 0), offset: half(block, 2), values: fiveBits(block[8...], block[4..<8]).map { Float($0) })
      ]
    case .iq4_nl:
      [QuantisedGroup(scale: half(block, 0), values: nibbles(block[2...]).map { table[$0] })]
    case .q4_K, .q5_K: groupsWithOffsets(block, fifthBits: format == .q5_K)
    case .q6_K: sixBitGroups(block)
    }
  }

  private static let table: [Float] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

  private static func half(_ block: [UInt8], _ at: Int) -> Float {
    Float(Float16(bitPattern: UInt16(block[at]) | UInt16(block[at + 1]) << 8))
  }

  /// The low halves of 16 bytes, then the high ones.
  private static func nibbles(_ bytes: ArraySlice<UInt8>) -> [Int] {
    bytes.map { Int($0 % 16) } + bytes.map { Int($0 / 16) }
  }

  private static func fiveBits(_ low: ArraySlice<UInt8>, _ high: ArraySlice<UInt8>) -> [Int] {
    let word = high.reversed().reduce(UInt32(0)) { $0 * 256 + UInt32($1) }
    return nibbles(low).enumerated().map { $1 + (word & 1 << $0 == 0 ? 0 : 16) }
  }

  private static func groupsWithOffsets(_ block: [UInt8], fifthBits: Bool) -> [QuantisedGroup] {
    let (d, minimum) = (half(block, 0), half(block, 2))
    let six = block[4..<16].map { Int($0) }
    return (0..<8).map { group in
      // ggml's get_scale_min_k4
      let (scale, offset) =
        group < 4
        ? (six[group] % 64, six[group + 4] % 64)
        : (six[group + 4] % 16 + six[group - 4] / 64 * 16, six[group + 4] / 16 + six[group] / 64 * 16)
      let quants = block[(fifthBits ? 48 : 16) + group / 2 * 32..<(fifthBits ? 80 : 48) + group / 2 * 32]
      var values = quants.map { Int(group % 2 == 0 ? $0 % 16 : $0 / 16) }
      if fifthBits { for i in 0..<32 where block[16 + i] & UInt8(1 << group) != 0 { values[i] += 16 } }
      return QuantisedGroup(
        scale: d * Float(scale), offset: -(minimum * Float(offset)), values: values.map { Float($0) })
    }
  }

  private static func sixBitGroups(_ block: [UInt8]) -> [QuantisedGroup] {
    let d = half(block, 208)
    var values = [Float](repeating: 0, count: 256)
    for half in 0..<2 {
      for i in 0..<32 {
        let (first, second) = (Int(block[64 * half + i]), Int(block[64 * half + 32 + i]))
        let high = Int(block[128 + 32 * half + i])
        values[128 * half + i] = Float(first % 16 + high % 4 * 16 - 32)
        values[128 * half + 32 + i] = Float(second % 16 + high / 4 % 4 * 16 - 32)
        values[128 * half + 64 + i] = Float(first / 16 + high / 16 % 4 * 16 - 32)
        values[128 * half + 96 + i] = Float(second / 16 + high / 64 * 16 - 32)
      }
    }
    return (0..<16).map { group in
      QuantisedGroup(
        scale: d * Float(Int8(bitPattern: block[192 + group])), values: Array(values[16 * group..<16 * group + 16]))
    }
  }
}

/// A row of a quantised weight.
struct QuantisedRow {
  let groups: [QuantisedGroup]

  init(_ bytes: [UInt8], _ format: WeightFormat) {
    groups = stride(from: 0, to: bytes.count, by: format.blockByteCount).flatMap {
      QuantisedGroup.groups(ofBlock: Array(bytes[$0..<$0 + format.blockByteCount]), format)
    }
  }

  /// The rows of a weight as a file has it.
  static func rows(_ weight: HostMemory, count: Int, _ format: WeightFormat) -> [QuantisedRow] {
    let bytes = weight.array(of: UInt8.self)
    let size = bytes.count / max(1, count)
    return (0..<count).map { QuantisedRow(Array(bytes[$0 * size..<($0 + 1) * size]), format) }
  }

  /// scale · q + offset, rounded after each.
  var values: [Float] { groups.flatMap { group in group.values.map { group.scale * $0 + group.offset } } }

  /// The sum of a run of groups in the one order; `x` begins with the first of them.
  func sum(_ range: Range<Int>, times x: ArraySlice<Float>, hasOffsets: Bool) -> Float {
    var (sum, at): (Float, Int) = (0, x.startIndex)
    for group in groups[range] {
      var (chain, terms): (Float, Float) = (0, 0)
      for value in group.values {
        chain.addProduct(x[at], value)
        terms += x[at]
        at += 1
      }
      sum.addProduct(group.scale, chain)
      if hasOffsets { sum.addProduct(group.offset, terms) }
    }
    return sum
  }
}
