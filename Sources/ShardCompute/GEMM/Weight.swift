// SPDX-License-Identifier: Apache-2.0

/// A matrix that products multiply by, stored in panels: the n × k operand of C = A · Bᵀ.
///
/// `panel[j / width][p][j % width]` holds row j, column p; the last panel is padded with zeros. So the rows of a panel
/// lie side by side, which serves a register tile, a local-memory tile and a matrix-vector product alike: each reads
/// the panel front to back with wide loads. Quantised weights stay in their blocks, whose parts are spread over the rows
/// of a panel in the same way (`Kernels/common/blocks`). Packed once, at load.
///
/// A weight may be a batch of matrices of one shape, such as the experts of a layer: one after the other, each beginning
/// with a panel. One that is larger than the device's largest allocation lies in several pieces; nobody but the device
/// notices.
public struct Weight: Sendable {
  /// Number of matrices, 1 unless the weight is a batch.
  public let matrices: Int
  /// n: rows of each matrix, columns of the result.
  public let rows: Int
  /// The order of the sum over k, the same on all ranks that share the weight.
  public let order: SumOrder
  /// The leaves of the sum whose columns are here; all of them unless the weight is cut along k.
  public let leaves: Range<Int>
  /// How the weight is stored.
  public let format: WeightFormat
  /// Rows of the matrix in a panel.
  public let panelWidth: Int
  /// Runs of panels, each in memory of its own; at least one.
  let pieces: [Piece]
  /// Where the first panel lies in the memory of the first piece, counted in panels.
  private(set) var firstPanel = 0

  /// Some panels of a weight.
  struct Piece: Sendable {
    let memory: DeviceMemory
    let matrices: Range<Int>
    /// Rows of each of the matrices: all of them, or some of one matrix that begin with a panel.
    let rows: Range<Int>
  }

  /// k here: columns of the matrix in this memory.
  public var columns: Int { order.terms(of: leaves).count }
  /// Panels of each matrix, the last one padded.
  public var panelCount: Int { (rows + panelWidth - 1) / panelWidth }
  /// Bytes on the device.
  public var byteCount: Int { pieces.reduce(0) { $0 + $1.memory.byteCount } }
  /// The addends that a product with this weight makes, each a complete subtree of the sum.
  public var nodes: [SumNode] { SumNode.covering(leaves) }

  /// Allocates panels for matrices of `rows` × `order.terms(of: leaves).count` on `device`, contents undefined.
  ///
  /// - Throws: `ComputeError.mismatch` for sizes or leaves that are not possible, or leaves that cut a block of
  ///   `format`; `.allocationTooLarge` where not even a panel fits an allocation, `.outOfMemory`, or the driver's error.
  public init(
    on device: any ComputeDevice, matrices: Int = 1, rows: Int, order: SumOrder,
    leaves: Range<Int> = SumOrder.allLeaves, format: WeightFormat
  ) throws {
    guard possibleSizes.contains(matrices), possibleSizes.contains(rows), possibleSizes.contains(order.length),
      leaves.lowerBound >= 0, leaves.upperBound <= SumOrder.leafCount
    else {
      throw ComputeError.mismatch(
        "leaves \(leaves) of \(matrices) weights of \(rows) × \(order.length); leaves are \(SumOrder.allLeaves), "
          + "sides and numbers \(possibleSizes)")
    }
    try format.checkWholeBlocks(order.length)
    guard order.unit.isMultiple(of: format.blockLength) else {
      throw ComputeError.mismatch(
        "a sum over \(order.length) columns of \(format.rawValue) in units of \(order.unit); "
          + "blocks of \(format.blockLength) columns are never cut: use a multiple as the unit")
    }
    let width = device.weightPanelWidth
    let panelByteCount = try checkedProduct(
      width, order.terms(of: leaves).count / format.blockLength, format.panelBlockByteCount)
    let panels = (rows + width - 1) / width
    let matrixByteCount = try checkedProduct(panels, panelByteCount)
    let byteCount = try checkedProduct(matrices, matrixByteCount)
    guard byteCount <= device.capabilities.memoryByteCount else {
      throw ComputeError.allocationTooLarge(
        byteCount: byteCount, limit: device.capabilities.memoryByteCount, device: device.name)
    }
    let limit = device.capabilities.maximumAllocationByteCount
    // What has no bytes fits one piece, whatever its sides.
    if byteCount <= limit {
      pieces = [Piece(memory: try device.allocate(byteCount: byteCount), matrices: 0..<matrices, rows: 0..<rows)]
    } else if matrixByteCount <= limit {
      let together = limit / matrixByteCount
      pieces = try stride(from: 0, to: matrices, by: together).map { first in
        let range = first..<min(matrices, first + together)
        let memory = try device.allocate(byteCount: range.count * matrixByteCount)
        return Piece(memory: memory, matrices: range, rows: 0..<rows)
      }
    } else {
      let pieceRows = try checkedProduct(width, max(1, limit / panelByteCount))
      pieces = try (0..<matrices).flatMap { matrix in
        try stride(from: 0, to: rows, by: pieceRows).map { first in
          let range = first..<min(rows, first + pieceRows)
          let memory = try device.allocate(byteCount: (range.count + width - 1) / width * panelByteCount)
          return Piece(memory: memory, matrices: matrix..<matrix + 1, rows: range)
        }
      }
    }
    self.matrices = matrices
    self.rows = rows
    self.order = order
    self.leaves = leaves
    self.format = format
    panelWidth = width
  }

  /// `matrices` of `rows` rows each in the memory of `piece`, from its panel `firstPanel` on.
  private init(_ whole: Weight, _ piece: Piece, matrices: Int, rows: Int, firstPanel: Int = 0) {
    self.matrices = matrices
    self.rows = rows
    order = whole.order
    leaves = whole.leaves
    format = whole.format
    panelWidth = whole.panelWidth
    pieces = [Piece(memory: piece.memory, matrices: 0..<matrices, rows: 0..<rows)]
    self.firstPanel = firstPanel
  }
}

extension Weight {
  /// The memory of a weight of one piece, which is what kernels and packing are given.
  package var memory: DeviceMemory { pieces[0].memory }

  /// Each piece as a weight of its own, and which rows of which matrices it has.
  var parts: [(matrices: Range<Int>, rows: Range<Int>, weight: Weight)] {
    guard pieces.count > 1 else { return [(0..<matrices, 0..<rows, self)] }
    return pieces.map { piece in
      (piece.matrices, piece.rows, Weight(self, piece, matrices: piece.matrices.count, rows: piece.rows.count))
    }
  }

  /// Matrices `range` of a weight of one piece.
  func matrices(_ range: Range<Int>) -> Weight {
    Weight(
      self, pieces[0], matrices: range.count, rows: rows, firstPanel: firstPanel + range.lowerBound * panelCount)
  }

  /// The weight in bands of at most `limit` rows, somewhere to pack to; where each begins among the rows of all
  /// matrices. A band has rows of several matrices only where each of them fills its panels.
  func bands(ofAtMost limit: Int) -> [(firstRow: Int, weight: Weight)] {
    let together = rows.isMultiple(of: panelWidth)
    return pieces.flatMap { piece in
      let panels = (piece.rows.count + panelWidth - 1) / panelWidth
      let runs = together ? [(piece.matrices.lowerBound, piece.matrices.count)] : piece.matrices.map { ($0, 1) }
      return runs.flatMap { matrix, count in
        let firstPanel = (matrix - piece.matrices.lowerBound) * panels
        return stride(from: 0, to: count * piece.rows.count, by: limit).map { row in
          (
            matrix * rows + piece.rows.lowerBound + row,
            Weight(
              self, piece, matrices: 1, rows: min(limit, count * piece.rows.count - row),
              firstPanel: firstPanel + row / panelWidth)
          )
        }
      }
    }
  }

  /// Where the first panel begins in the memory, in bytes.
  var firstByte: Int { firstPanel * panelByteCount }

  /// Elements, or bytes of blocks, from one matrix to the next.
  var matrixStride: Int { panelCount * panelByteCount / unitByteCount }

  /// Elements, or bytes of blocks, before the first matrix.
  var firstElement: Int { firstByte / unitByteCount }

  private var unitByteCount: Int { format.elementType?.byteCount ?? 1 }

  private var panelByteCount: Int { panelWidth * (columns / format.blockLength) * format.panelBlockByteCount }

  /// Throws unless the panels are those of `device`: two devices of one context may have different ones.
  func checkPanels(on device: any ComputeDevice) throws {
    guard panelWidth == device.weightPanelWidth else {
      throw ComputeError.mismatch(
        "a weight in panels of \(panelWidth) rows; \(device.name) has panels of \(device.weightPanelWidth)")
    }
  }

  /// Throws unless `source` is the matrices that the panels have room for.
  func checkSource(_ source: MatrixBatch) throws {
    let matrix = source.first
    guard source.count == matrices, matrix.rows == rows, matrix.columns == columns,
      WeightFormat(matrix.elementType) == format
    else {
      throw ComputeError.mismatch(
        "\(source.count) matrices of \(matrix.rows) × \(matrix.columns) \(matrix.elementType) for panels of "
          + "\(matrices) of \(rows) × \(columns) \(format.rawValue)")
    }
  }

  /// Throws unless `blocks` holds the rows that the panels have room for, as a file has them.
  func checkBlocks(_ blocks: DeviceMemory) throws {
    let needed = try format.byteCount(rows: rows, columns: columns)
    guard matrices == 1, format.isQuantised, blocks.byteCount >= needed else {
      throw ComputeError.mismatch(
        "\(blocks.byteCount) bytes of blocks for panels of \(matrices) of \(rows) × \(columns) \(format.rawValue), "
          + "which are made from \(needed)")
    }
  }
}

extension ComputeDevice {
  /// Uploads row-major matrices of `rows` × `order.terms(of: leaves).count` and packs them, a band of rows after the
  /// other, so that the device needs room for the weight and one band.
  ///
  /// - Parameters:
  ///   - source: the elements or blocks, as a file has them, without gaps; they must stay as they are until `finish()`.
  ///   - bandByteCount: about how much is uploaded at a time; at least the rows of one panel.
  /// - Throws: `ComputeError`, or the driver's error.
  public func makeWeight(
    _ source: HostMemory, matrices: Int = 1, rows: Int, order: SumOrder, leaves: Range<Int> = SumOrder.allLeaves,
    format: WeightFormat, bandByteCount: Int = 64 << 20
  ) throws -> Weight {
    let weight = try Weight(
      on: self, matrices: matrices, rows: rows, order: order, leaves: leaves, format: format)
    let allRows = try checkedProduct(matrices, rows)
    let byteCount = try format.byteCount(rows: allRows, columns: weight.columns)
    guard source.byteCount == byteCount else {
      throw ComputeError.mismatch(
        "\(source.byteCount) bytes for \(matrices) weights of \(rows) × \(weight.columns) \(format.rawValue), which "
          + "have \(byteCount)")
    }
    guard byteCount > 0 else { return weight }
    let rowByteCount = byteCount / allRows
    let bandLimit = min(bandByteCount, capabilities.maximumAllocationByteCount)
    let bandRows = max(1, bandLimit / rowByteCount / weight.panelWidth) * weight.panelWidth
    // One piece of memory for all bands: commands run in order, so a band is packed before the next one arrives.
    let staging = try allocate(byteCount: min(bandRows, allRows) * rowByteCount)
    for (firstRow, band) in weight.bands(ofAtMost: bandRows) {
      try write(
        source, at: firstRow * rowByteCount, byteCount: band.rows * rowByteCount, to: staging, at: 0)
      if let elementType = format.elementType {
        try pack(
          MatrixView(staging, rows: band.rows, columns: weight.columns, elementType: elementType), into: band)
      } else {
        try pack(blocks: staging, into: band)
      }
    }
    return weight
  }
}
