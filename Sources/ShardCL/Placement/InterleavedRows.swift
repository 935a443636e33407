// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The rows of two matrices by turns, a gate and then its up: the weight of a gated layer.
///
/// Rows are copied when a rank asks for its part. Cut at even rows, so that pairs stay together.
public struct InterleavedRows<Gate: MatrixSource, Up: MatrixSource>: MatrixSource {
  /// The even rows.
  public let gate: Gate
  /// The odd rows.
  public let up: Up

  /// Rows of both.
  public var rows: Int { 2 * gate.rows }
  /// Columns of each.
  public var columns: Int { gate.columns }
  /// How both are stored.
  public var format: WeightFormat { gate.format }

  /// Two matrices of one shape and format.
  ///
  /// - Throws: `ShardingError.shapeMismatch`.
  public init(gate: Gate, up: Up) throws {
    guard gate.rows == up.rows, gate.columns == up.columns, gate.format == up.format, gate.rows <= Int.max / 2 else {
      throw ShardingError.shapeMismatch(
        "a gate of \(gate.rows) × \(gate.columns) \(gate.format.rawValue) with an up of \(up.rows) × \(up.columns) "
          + "\(up.format.rawValue); shape and format must be equal")
    }
    self.gate = gate
    self.up = up
  }

  /// The rows of a part, copied.
  public func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows else {
      throw ShardingError.shapeMismatch("rows \(rows) of a matrix of \(self.rows) × \(self.columns)")
    }
    let sources = [
      try gate.block(rows: (rows.lowerBound + 1) / 2..<(rows.upperBound + 1) / 2, columns: columns),
      try up.block(rows: rows.lowerBound / 2..<rows.upperBound / 2, columns: columns),
    ]
    let rowByteCount = try format.byteCount(rows: 1, columns: columns.count)
    let part = HostMemory(byteCount: try checkedProduct(rows.count, rowByteCount))
    guard part.byteCount > 0 else { return part }
    part.withMutableBytes { target in
      for parity in 0...1 {
        sources[parity].withBytes { source in
          for (index, row) in rows.lazy.filter({ $0 % 2 == parity }).enumerated() {
            let at = (row - rows.lowerBound) * rowByteCount
            target[at..<at + rowByteCount].copyBytes(from: source[index * rowByteCount..<(index + 1) * rowByteCount])
          }
        }
      }
    }
    return part
  }
}
