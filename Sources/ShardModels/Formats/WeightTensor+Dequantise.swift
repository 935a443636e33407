// SPDX-License-Identifier: Apache-2.0
import Dispatch
import ShardCompute

extension WeightTensor {
  /// Converts the part `rows` × `columns` to f32 and writes it to `output`, row-major without gaps.
  ///
  /// Columns are cut on the borders of quantisation blocks, so a rank can dequantise its own shard alone, be it of rows
  /// or of columns. Large parts are converted on all cores. Bits equal those of GGML's reference code.
  ///
  /// - Throws: `ModelFileError` if the tensor is not of weights, the part is not in it or cuts a block, `output` is not
  ///   exactly as large as the part, or the file has been cut.
  public func dequantise(
    rows: Range<Int>, columns: Range<Int>, into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let format = type.format else {
      throw refusal("type of \(quoted(name))", type.rawValue, "only weights can be converted to f32")
    }
    let perBlock = format.elementCount
    guard columns.lowerBound >= 0, columns.upperBound <= self.columns,
      columns.lowerBound.isMultiple(of: perBlock), columns.upperBound.isMultiple(of: perBlock)
    else {
      throw refusal(
        "columns of \(quoted(name))", "\(columns)",
        "it has columns 0..<\(self.columns), which can be cut at multiples of \(perBlock)")
    }
    try withBytes(rows: rows) { bytes in
      // The product fits: it is at most the number of elements in the bytes that were just checked.
      guard output.count == rows.count * columns.count else {
        throw refusal(
          "output for \(rows.count) × \(columns.count) of \(quoted(name))", "\(output.count) elements",
          "it must have one for each")
      }
      guard let source = bytes.baseAddress, let target = output.baseAddress, !output.isEmpty else { return }
      let firstBlock = columns.lowerBound / perBlock
      let part = DequantisedPart(
        source: source + firstBlock * format.byteCount, bytesPerRow: bytesPerRow, target: target,
        rows: rows.count, blocks: columns.count / perBlock)
      part.decode(format)
    }
  }

  /// The part `rows` × `columns` as f32, row-major.
  ///
  /// - Throws: `ModelFileError`, as `dequantise(rows:columns:into:)` does.
  public func dequantised(rows: Range<Int>, columns: Range<Int>) throws -> [Float] {
    // Checked before anything is allocated: a part of the tensor is no larger than the file's bytes make it.
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows, columns.lowerBound >= 0,
      columns.upperBound <= self.columns
    else {
      throw refusal("part of \(quoted(name))", "\(rows) × \(columns)", "it has \(self.rows) × \(self.columns) elements")
    }
    let count = rows.count * columns.count
    return try [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
      try dequantise(rows: rows, columns: columns, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialised = count
    }
  }

  /// The whole tensor as f32, row-major.
  ///
  /// - Throws: `ModelFileError`, as `dequantise(rows:columns:into:)` does.
  public func dequantised() throws -> [Float] {
    try dequantised(rows: 0..<rows, columns: 0..<columns)
  }
}

/// Rows of blocks on their way to rows of f32, all bounds checked.
private struct DequantisedPart: Sendable {
  // Threads read disjoint rows of `source` and write disjoint rows of `target`, while the caller holds both.
  nonisolated(unsafe) let source: UnsafeRawPointer
  let bytesPerRow: Int
  nonisolated(unsafe) let target: UnsafeMutablePointer<Float>
  let rows: Int
  let blocks: Int

  /// Converts all rows, in chunks of about 128 K elements spread over the cores.
  func decode<Format: BlockFormat>(_: Format.Type) {
    let perRow = blocks * Format.elementCount
    let chunk = max(1, (1 << 17) / perRow)
    let chunks = (rows + chunk - 1) / chunk
    if chunks == 1 { return decodeRows(0..<rows, Format.self) }
    DispatchQueue.concurrentPerform(iterations: chunks) { index in
      decodeRows(index * chunk..<min(rows, (index + 1) * chunk), Format.self)
    }
  }

  private func decodeRows<Format: BlockFormat>(_ range: Range<Int>, _: Format.Type) {
    for row in range {
      Format.decode(
        blocks: source + row * bytesPerRow, count: blocks, into: target + row * blocks * Format.elementCount)
    }
  }
}
