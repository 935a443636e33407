// SPDX-License-Identifier: Apache-2.0

/// Matrices of one shape at equal distances in one memory: the operand of a strided-batched product.
///
/// Matrix i begins `i * stride` elements behind the first one. A stride of 0 is one matrix that every product reads.
/// Attention's heads, side by side in the rows of a matrix, are a batch whose stride is the size of a head.
public struct MatrixBatch: Sendable {
  /// The first matrix.
  public let first: MatrixView
  /// Number of matrices.
  public let count: Int
  /// Elements from one matrix to the next.
  public let stride: Int

  /// `count` matrices of the shape of `first`.
  ///
  /// - Throws: `ComputeError.outOfBounds` where the last matrix does not lie inside the memory or a number is negative.
  public init(_ first: MatrixView, count: Int, stride: Int) throws {
    guard possibleSizes.contains(count), possibleSizes.contains(stride),
      count == 0 || (try? Self.moved(first, by: stride, times: count - 1)) != nil
    else {
      throw ComputeError.outOfBounds(
        "\(count) matrices of \(first.rows) × \(first.columns), \(stride) elements apart, the first at \(first.offset), "
          + "in memory of \(first.memory.byteCount / first.elementType.byteCount)")
    }
    self.init(unchecked: first, count: count, stride: stride)
  }

  /// A batch of one.
  public init(_ matrix: MatrixView) { self.init(unchecked: matrix, count: 1, stride: 0) }

  private init(unchecked first: MatrixView, count: Int, stride: Int) {
    self.first = first
    self.count = count
    self.stride = stride
  }

  /// Matrices of `first.rows` × `first.columns`, one after the other from element `offset` of `memory` on, row-major.
  ///
  /// - Throws: `ComputeError.outOfBounds` where the last matrix does not lie inside `memory` or a number is negative.
  public init(
    _ memory: DeviceMemory, count: Int, rows: Int, columns: Int, offset: Int = 0, elementType: ElementType = .f32
  ) throws {
    let first = try MatrixView(
      memory, rows: count == 0 ? 0 : rows, columns: columns, offset: offset, elementType: elementType)
    try self.init(first, count: count, stride: checkedProduct(rows, columns))
  }

  /// The same matrices, transposed.
  public var transposed: MatrixBatch { MatrixBatch(unchecked: first.transposed, count: count, stride: stride) }

  /// Matrix `index` of 0 ..< count.
  ///
  /// - Throws: `ComputeError.outOfBounds` for any other.
  public func matrix(_ index: Int) throws -> MatrixView {
    guard (0..<count).contains(index) else { throw ComputeError.outOfBounds("matrix \(index) of a batch of \(count)") }
    return try Self.moved(first, by: stride, times: index)
  }

  /// Matrices `range`.
  ///
  /// - Throws: `ComputeError.outOfBounds` where there are no such matrices.
  public func matrices(_ range: Range<Int>) throws -> MatrixBatch {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw ComputeError.outOfBounds("matrices \(range) of a batch of \(count)")
    }
    let moved = try Self.moved(first, by: stride, times: range.isEmpty ? 0 : range.lowerBound)
    return MatrixBatch(unchecked: moved, count: range.count, stride: stride)
  }

  /// Columns `range` of each matrix.
  ///
  /// - Throws: `ComputeError.outOfBounds` where the matrices have no such columns.
  public func columns(_ range: Range<Int>) throws -> MatrixBatch {
    MatrixBatch(unchecked: try first.columns(range), count: count, stride: stride)
  }

  /// Whether no element belongs to two of the matrices, which are row-major: they lie one behind the other, or side by
  /// side in the rows of a larger matrix.
  var isDisjoint: Bool {
    guard count > 1, first.rows > 0, first.columns > 0 else { return true }
    let extent = (first.rows - 1) * first.rowStride + first.columns
    if stride >= extent { return true }
    let (end, overflow) = (count - 1).multipliedReportingOverflow(by: stride)
    return stride >= first.columns && !overflow && end + first.columns <= first.rowStride
  }

  private static func moved(_ matrix: MatrixView, by stride: Int, times count: Int) throws -> MatrixView {
    let distance = try checkedProduct(stride, count).addingReportingOverflow(matrix.offset)
    return try MatrixView(
      matrix.memory, rows: matrix.rows, columns: matrix.columns, rowStride: matrix.rowStride,
      columnStride: matrix.columnStride, offset: distance.overflow ? .max : distance.partialValue,
      elementType: matrix.elementType)
  }
}
