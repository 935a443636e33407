// SPDX-License-Identifier: Apache-2.0

/// How the elements of two matrices lie to each other.
enum Overlap {
  case none
  /// Exactly the same elements.
  case same
  case partial
}

extension MatrixView {
  /// Whether rows are runs of elements that do not overlap.
  var isRowMajor: Bool { (columnStride == 1 || columns <= 1) && (rowStride >= columns || rows <= 1) }

  /// How the elements lie to those of `other`; both are row-major.
  func overlap(with other: MatrixView) -> Overlap {
    guard memory === other.memory, rows > 0, columns > 0, other.rows > 0, other.columns > 0 else { return .none }
    if offset == other.offset, rows == other.rows, columns == other.columns, rowStride == other.rowStride || rows == 1 {
      return .same
    }
    if end <= other.offset || other.end <= offset { return .none }
    // Side by side in the rows of a larger matrix.
    let distance = other.offset - offset
    let column = rowStride == 0 ? 0 : (distance % rowStride + rowStride) % rowStride
    let isBeside = rowStride == other.rowStride && column >= columns && column + other.columns <= rowStride
    return isBeside ? .none : .partial
  }

  /// One past the last element of a row-major matrix that is not empty.
  private var end: Int { offset + (rows - 1) * rowStride + columns }

  /// Throws unless this is a row-major f32 matrix of `rows` × `columns`, and few enough of them for kernels.
  func checkRows(_ what: String, rows: Int, columns: Int) throws {
    guard isRowMajor, elementType == .f32, self.rows == rows, self.columns == columns else {
      throw ComputeError.mismatch(
        "\(what) of \(self.rows) × \(self.columns) \(elementType) with strides \(rowStride) and \(columnStride); it must "
          + "be \(rows) × \(columns) f32, row-major")
    }
  }

  /// Throws where this and `other` share some of their elements; all of them where `allowsSame`.
  func checkOverlap(_ what: String, with other: MatrixView, _ otherWhat: String, allowsSame: Bool) throws {
    let overlap = overlap(with: other)
    guard overlap == .none || (overlap == .same && allowsSame) else {
      throw ComputeError.mismatch(
        "\(what) of \(rows) × \(columns) from element \(offset) overlaps \(otherWhat) of \(other.rows) × "
          + "\(other.columns) from element \(other.offset)"
          + (allowsSame ? "; in place means exactly the same elements" : "; they must lie apart"))
    }
  }
}

/// Throws unless kernels can count `rows` and `columns`.
func checkKernelSizes(_ rows: Int, _ columns: Int) throws {
  guard max(rows, columns) <= Int(Int32.max) - 64 else {
    throw ComputeError.unsupported("a matrix of \(rows) × \(columns); kernels count in 31 bits")
  }
}
