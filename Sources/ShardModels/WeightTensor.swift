// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A tensor in a model file: where its bytes are, and how to read them. It keeps the file mapped.
///
/// The elements are seen as a matrix of `rows` × `columns`, row-major; a row is the last dimension, and quantisation
/// blocks lie along it.
public struct WeightTensor: Sendable {
  /// The name in the file.
  public let name: String
  /// How the elements are stored.
  public let type: TensorType
  /// The dimensions, outermost first (GGUF files list them the other way round). Empty for a scalar.
  public let shape: [Int]
  /// The product of all dimensions but the last.
  public let rows: Int
  /// The last dimension, whose elements are contiguous.
  public let columns: Int
  /// The bytes of one row.
  public let bytesPerRow: Int
  /// Where the tensor is in its file, in bytes.
  public let byteRange: Range<Int>
  /// The file that holds it.
  package let file: MappedFile

  /// The path of the file that holds it.
  public var path: String { file.path }

  /// Makes the view of a tensor whose dimensions the reader has turned into a valid layout.
  init(name: String, layout: TensorLayout, firstByte: Int, file: MappedFile) {
    self.name = name
    type = layout.type
    shape = layout.shape
    rows = layout.rows
    columns = layout.columns
    bytesPerRow = layout.bytesPerRow
    byteRange = firstByte..<firstByte + layout.byteCount
    self.file = file
  }

  /// Lends the stored bytes of `rows`, row after row without gaps, in the file's own type, to `body`.
  ///
  /// For f32, f16 and bf16 these are the elements, little-endian and of any alignment. The bytes must not be kept.
  ///
  /// - Throws: `ModelFileError` if there are no such rows or the file has been cut.
  public func withBytes<Result>(
    rows: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows else {
      throw refusal("rows of \(quoted(name))", "\(rows)", "it has rows 0..<\(self.rows)")
    }
    let first = byteRange.lowerBound + rows.lowerBound * bytesPerRow
    return try file.withBytes(in: first..<first + rows.count * bytesPerRow, body)
  }

  /// The stored bytes of a part, row after row without gaps: whole rows are a window into the mapped file, which they
  /// keep mapped; parts of rows are copied.
  ///
  /// - Throws: `ModelFileError` if there is no such part, it cuts a block, or the file has been cut.
  package func stored(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    let (perBlock, blockByteCount) = (type.elementsPerBlock, type.bytesPerBlock)
    guard columns.lowerBound >= 0, columns.upperBound <= self.columns,
      columns.lowerBound.isMultiple(of: perBlock), columns.upperBound.isMultiple(of: perBlock)
    else {
      throw refusal(
        "columns of \(quoted(name))", "\(columns)",
        "it has columns 0..<\(self.columns), which can be cut at multiples of \(perBlock)")
    }
    return try withBytes(rows: rows) { bytes in
      if columns.count == self.columns { return HostMemory(borrowing: bytes, owner: file) }
      let (start, width) = (columns.lowerBound / perBlock * blockByteCount, columns.count / perBlock * blockByteCount)
      let part = HostMemory(byteCount: rows.count * width)
      part.withMutableBytes { target in
        for row in 0..<rows.count {
          let first = row * bytesPerRow + start
          target[row * width..<(row + 1) * width].copyBytes(from: bytes[first..<first + width])
        }
      }
      return part
    }
  }

  /// An error about something that was asked of this tensor.
  func refusal(_ field: String, _ value: String, _ limit: String) -> ModelFileError {
    ModelFileError(.invalidRequest, file: file.path, field: field, value: value, limit: limit)
  }
}

/// The matrix that a tensor's type and dimensions make, with every product checked.
struct TensorLayout {
  let type: TensorType
  let shape: [Int]
  let rows: Int
  let columns: Int
  let bytesPerRow: Int
  let byteCount: Int

  /// - Throws: `ModelFileError` if a product does not fit or a row is not a whole number of blocks.
  init(type: TensorType, shape: [Int], name: String, file: String) throws {
    func malformed(_ field: String, _ value: String, _ limit: String) -> ModelFileError {
      ModelFileError(.malformed, file: file, field: "\(field) of tensor \(quoted(name))", value: value, limit: limit)
    }
    self.type = type
    self.shape = shape
    columns = shape.last ?? 1
    guard columns.isMultiple(of: type.elementsPerBlock) else {
      throw malformed(
        "row length", "\(columns)", "\(type.rawValue) stores blocks of \(type.elementsPerBlock) elements")
    }
    let outer = shape.dropLast()
    // An empty tensor is legal with other dimensions that are large, as long as a row has a size.
    guard let rows = outer.contains(0) ? 0 : outer.checkedProduct,
      let bytesPerRow = [columns / type.elementsPerBlock, type.bytesPerBlock].checkedProduct,
      let byteCount = [rows, bytesPerRow].checkedProduct
    else {
      throw malformed("shape", "\(shape)", "its size in bytes must be below 2^63")
    }
    self.rows = rows
    self.bytesPerRow = bytesPerRow
    self.byteCount = byteCount
  }
}

extension Sequence<Int> {
  /// The product of all, nil if it does not fit.
  var checkedProduct: Int? {
    var product = 1
    for factor in self {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      product = next
    }
    return product
  }
}
