// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A matrix outside the mesh, such as a tensor of a mapped model file, that gives out the parts which ranks ask for.
public protocol MatrixSource {
  /// Number of rows.
  var rows: Int { get }
  /// Number of columns.
  var columns: Int { get }
  /// How the matrix is stored; parts are cut at multiples of `format.blockLength` columns.
  var format: WeightFormat { get }

  /// The elements or blocks of a part, row-major, without gaps. Asked for once per rank that needs it.
  func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory
}

/// A row-major matrix in host memory, without gaps.
public struct HostMatrix: MatrixSource, Sendable {
  /// The elements or blocks.
  public let memory: HostMemory
  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  /// How the matrix is stored.
  public let format: WeightFormat

  /// Wraps `memory`, which has exactly the bytes of the matrix.
  ///
  /// - Throws: `ShardingError.shapeMismatch`.
  public init(_ memory: HostMemory, rows: Int, columns: Int, format: WeightFormat = .f32) throws {
    guard (try? format.byteCount(rows: rows, columns: columns)) == memory.byteCount else {
      throw ShardingError.shapeMismatch(
        "\(memory.byteCount) bytes for a matrix of \(rows) × \(columns) \(format.rawValue), "
          + "in blocks of \(format.blockLength) columns")
    }
    self.memory = memory
    self.rows = rows
    self.columns = columns
    self.format = format
  }

  /// A copy of `values`, f32.
  ///
  /// - Throws: `ShardingError.shapeMismatch`.
  public init(_ values: [Float], rows: Int, columns: Int) throws {
    try self.init(HostMemory(values), rows: rows, columns: columns)
  }

  /// Whole rows are a window into the matrix; parts of rows are copied.
  public func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows, columns.lowerBound >= 0,
      columns.upperBound <= self.columns
    else {
      throw ShardingError.shapeMismatch(
        "rows \(rows) and columns \(columns) of a matrix of \(self.rows) × \(self.columns)")
    }
    // A side of an empty matrix may be too large to compute with.
    guard !rows.isEmpty, !columns.isEmpty else { return HostMemory(byteCount: 0) }
    guard columns.lowerBound.isMultiple(of: format.blockLength), columns.upperBound.isMultiple(of: format.blockLength)
    else {
      throw ShardingError.partitionMismatch(
        "columns \(columns) of a matrix of \(format.rawValue), which is cut at multiples of its blocks of "
          + "\(format.blockLength)")
    }
    let size = format.blockByteCount
    let blocks = columns.lowerBound / format.blockLength..<columns.upperBound / format.blockLength
    let pitch = self.columns / format.blockLength * size
    return memory.withBytes { bytes in
      if columns.count == self.columns {
        return HostMemory(
          borrowing: UnsafeRawBufferPointer(rebasing: bytes[rows.lowerBound * pitch..<rows.upperBound * pitch]),
          owner: memory)
      }
      let width = blocks.count * size
      let part = HostMemory(byteCount: rows.count * width)
      part.withMutableBytes { target in
        for (index, row) in rows.enumerated() {
          let start = row * pitch + blocks.lowerBound * size
          target[index * width..<(index + 1) * width].copyBytes(from: bytes[start..<start + width])
        }
      }
      return part
    }
  }
}
