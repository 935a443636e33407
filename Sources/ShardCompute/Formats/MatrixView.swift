// SPDX-License-Identifier: Apache-2.0

/// A matrix inside device memory, any strides: element (i, j) is at `offset + i * rowStride + j * columnStride`.
///
/// Transposing swaps the strides and moves nothing, so a product needs no transposition flags.
public struct MatrixView: Sendable {
  /// The memory; belongs to one device.
  public let memory: DeviceMemory
  /// How elements are stored.
  public let elementType: ElementType
  /// Element (0, 0), in elements from the start of the memory.
  public let offset: Int
  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  /// Elements from one row to the next; the leading dimension of a row-major matrix.
  public let rowStride: Int
  /// Elements from one column to the next; 1 in a row-major matrix.
  public let columnStride: Int

  /// A row-major matrix of `rows` × `columns` whose rows are `leadingDimension` (default: `columns`) elements apart.
  ///
  /// - Throws: `ComputeError.outOfBounds` where the matrix does not lie inside `memory`.
  public init(
    _ memory: DeviceMemory, rows: Int, columns: Int, leadingDimension: Int? = nil, offset: Int = 0,
    elementType: ElementType = .f32
  ) throws {
    try self.init(
      memory, rows: rows, columns: columns, rowStride: leadingDimension ?? columns, columnStride: 1, offset: offset,
      elementType: elementType)
  }

  /// A matrix with any non-negative strides.
  ///
  /// - Throws: `ComputeError.outOfBounds` where the matrix does not lie inside `memory` or a number is negative.
  public init(
    _ memory: DeviceMemory, rows: Int, columns: Int, rowStride: Int, columnStride: Int, offset: Int = 0,
    elementType: ElementType = .f32
  ) throws {
    self.memory = memory
    self.elementType = elementType
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.columnStride = columnStride
    let capacity = memory.byteCount / elementType.byteCount
    guard let end = endOffset, end <= capacity else {
      throw ComputeError.outOfBounds(
        "matrix of \(rows) × \(columns) \(elementType), strides \(rowStride) and \(columnStride), offset \(offset), "
          + "in memory of \(capacity) elements")
    }
  }

  /// The transposed matrix over the same memory.
  public var transposed: MatrixView {
    MatrixView(
      unchecked: memory, elementType, offset, rows: columns, columns: rows, rowStride: columnStride,
      columnStride: rowStride)
  }

  /// Rows `range` of the matrix, over the same memory.
  ///
  /// - Throws: `ComputeError.outOfBounds` where the matrix has no such rows.
  public func rows(_ range: Range<Int>) throws -> MatrixView {
    guard range.lowerBound >= 0, range.upperBound <= rows else {
      throw ComputeError.outOfBounds("rows or columns \(range) of a matrix that has \(rows) of them")
    }
    // An empty matrix stays where this one is: past the last row there may be no memory.
    let isEmpty = range.isEmpty || columns == 0
    return MatrixView(
      unchecked: memory, elementType, isEmpty ? offset : offset + range.lowerBound * rowStride, rows: range.count,
      columns: columns, rowStride: rowStride, columnStride: columnStride)
  }

  /// Columns `range` of the matrix, over the same memory.
  ///
  /// - Throws: `ComputeError.outOfBounds` where the matrix has no such columns.
  public func columns(_ range: Range<Int>) throws -> MatrixView { try transposed.rows(range).transposed }

  /// Throws unless `bias` is one row of f32 with a value per column, and this matrix row-major f32.
  func checkBias(_ bias: MatrixView) throws {
    guard bias.rows == 1, bias.columns == columns, bias.columnStride == 1 || columns <= 1, bias.elementType == .f32,
      elementType == .f32, columnStride == 1 || columns <= 1
    else {
      throw ComputeError.mismatch(
        "a bias of \(bias.rows) × \(bias.columns) \(bias.elementType) for a matrix of \(rows) × \(columns) "
          + "\(elementType); it must be 1 × \(columns) f32, the matrix row-major f32")
    }
  }

  /// Throws unless both are row-major, of one shape and type.
  func checkCopy(to destination: MatrixView) throws {
    let rowMajor = [self, destination].allSatisfy {
      ($0.columnStride == 1 || columns <= 1) && ($0.rowStride >= columns || rows <= 1)
    }
    guard rowMajor, rows == destination.rows, columns == destination.columns, elementType == destination.elementType
    else {
      throw ComputeError.mismatch(
        "a copy of \(rows) × \(columns) \(elementType) to \(destination.rows) × \(destination.columns) "
          + "\(destination.elementType); shapes and types must be equal and both row-major")
    }
  }

  private init(
    unchecked memory: DeviceMemory, _ elementType: ElementType, _ offset: Int, rows: Int, columns: Int, rowStride: Int,
    columnStride: Int
  ) {
    self.memory = memory
    self.elementType = elementType
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  /// One past the last element, nil where a size is not possible or the sum overflows; an empty matrix ends at its
  /// offset.
  private var endOffset: Int? {
    guard [rows, columns, rowStride, columnStride, offset].allSatisfy(possibleSizes.contains) else { return nil }
    guard rows > 0, columns > 0 else { return offset }
    let (down, overflowDown) = (rows - 1).multipliedReportingOverflow(by: rowStride)
    let (across, overflowAcross) = (columns - 1).multipliedReportingOverflow(by: columnStride)
    let (inner, overflowInner) = down.addingReportingOverflow(across)
    let (end, overflowEnd) = inner.addingReportingOverflow(offset)
    guard !overflowDown, !overflowAcross, !overflowInner, !overflowEnd, end < Int.max else { return nil }
    return end + 1
  }
}
