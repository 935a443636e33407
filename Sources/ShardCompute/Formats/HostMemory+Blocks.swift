// SPDX-License-Identifier: Apache-2.0

/// Rows of a weight as f32.
package struct DecodedRows {
  /// The values, row-major.
  package let values: [Float]
  /// What each value has beside scale · q; empty where the format has no offsets.
  package let offsets: [Float]

  /// |scale · q| + |offset| of a value: what the error of a product with it is measured by.
  package func magnitude(_ index: Int) -> Float {
    offsets.isEmpty ? abs(values[index]) : abs(values[index] - offsets[index]) + abs(offsets[index])
  }
}

extension HostMemory {
  /// Rows of a matrix of `columns` columns that is stored as `format`, as f32 by GGML's reference arithmetic.
  package func decoded(rows: Range<Int>, columns: Int, _ format: WeightFormat) -> DecodedRows {
    decoded(rows: rows, columns: columns, format.blocks)
  }

  private func decoded<Format: BlockFormat>(rows: Range<Int>, columns: Int, _: Format.Type) -> DecodedRows {
    let perRow = columns / Format.elementCount
    let blocks = rows.lowerBound * perRow..<rows.upperBound * perRow
    func all(_ decode: (UnsafePointer<UInt8>, UnsafeMutablePointer<Float>) -> Void) -> [Float] {
      [Float](unsafeUninitializedCapacity: blocks.count * Format.elementCount) { target, count in
        withBytes { bytes in
          guard let source = bytes.baseAddress, let output = target.baseAddress else { return }
          for (index, block) in blocks.enumerated() {
            decode(
              (source + block * Format.byteCount).assumingMemoryBound(to: UInt8.self),
              output + index * Format.elementCount)
          }
        }
        count = blocks.count * Format.elementCount
      }
    }
    return DecodedRows(
      values: all { Format.decode($0, into: $1) },
      offsets: Format.hasOffsets ? all { Format.offsets($0, into: $1) } : [])
  }
}
