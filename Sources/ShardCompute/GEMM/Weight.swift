// SPDX-License-Identifier: Apache-2.0

/// A matrix that products multiply by, stored in panels: the n × k operand of C = A · Bᵀ.
///
/// `panel[j / width][p][j % width]` holds row j, column p; the last panel is padded with zeros. So the rows of a panel
/// lie side by side, which serves a register tile, a local-memory tile and a matrix-vector product alike: each reads
/// the panel front to back with wide loads. Quantised weights stay in their blocks, whose parts are spread over the rows
/// of a panel in the same way (`Kernels/common/blocks`). Packed once, at load.
///
/// A weight that is larger than the device's largest allocation lies in several pieces; nobody but the device notices.
public struct Weight: Sendable {
  /// n: rows of the matrix, columns of the result.
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
    /// Rows of the matrix; they begin with a panel.
    let rows: Range<Int>
  }

  /// k here: columns of the matrix in this memory.
  public var columns: Int { order.terms(of: leaves).count }
  /// Panels, the last one padded.
  public var panelCount: Int { (rows + panelWidth - 1) / panelWidth }
  /// Bytes on the device.
  public var byteCount: Int { pieces.reduce(0) { $0 + $1.memory.byteCount } }
  /// The addends that a product with this weight makes, each a complete subtree of the sum.
  public var nodes: [SumNode] { SumNode.covering(leaves) }

  /// Allocates panels for a matrix of `rows` × `order.terms(of: leaves).count` on `device`, contents undefined.
  ///
  /// - Throws: `ComputeError.mismatch` for sizes or leaves that are not possible, or leaves that cut a block of
  ///   `format`; `.allocationTooLarge` where not even a panel fits an allocation, `.outOfMemory`, or the driver's error.
  public init(
    on device: any ComputeDevice, rows: Int, order: SumOrder, leaves: Range<Int> = SumOrder.allLeaves,
    format: WeightFormat
  ) throws {
    guard possibleSizes.contains(rows), possibleSizes.contains(order.length), leaves.lowerBound >= 0,
      leaves.upperBound <= SumOrder.leafCount
    else {
      throw ComputeError.mismatch(
        "leaves \(leaves) of a weight of \(rows) × \(order.length); leaves are \(SumOrder.allLeaves), "
          + "sides \(possibleSizes)")
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
    let byteCount = try checkedProduct(panels, panelByteCount)
    guard byteCount <= device.capabilities.memoryByteCount else {
      throw ComputeError.allocationTooLarge(
        byteCount: byteCount, limit: device.capabilities.memoryByteCount, device: device.name)
    }
    // A weight without columns may have any number of rows, and fits one piece.
    let fitting = panelByteCount == 0 ? panels : device.capabilities.maximumAllocationByteCount / panelByteCount
    let pieceRows = try checkedProduct(width, max(1, min(fitting, panels)))
    pieces = try stride(from: 0, to: max(1, rows), by: pieceRows).map { first in
      let rows = first..<min(rows, first + pieceRows)
      let byteCount = try checkedProduct((rows.count + width - 1) / width, panelByteCount)
      return Piece(memory: try device.allocate(byteCount: byteCount), rows: rows)
    }
    self.rows = rows
    self.order = order
    self.leaves = leaves
    self.format = format
    panelWidth = width
  }

  /// Some rows of `whole`, which lie in one piece and begin with a panel.
  private init(_ whole: Weight, _ piece: Piece, _ range: Range<Int>) {
    rows = range.count
    order = whole.order
    leaves = whole.leaves
    format = whole.format
    panelWidth = whole.panelWidth
    pieces = [Piece(memory: piece.memory, rows: 0..<range.count)]
    firstPanel = (range.lowerBound - piece.rows.lowerBound) / whole.panelWidth
  }
}

extension Weight {
  /// The memory of a weight of one piece, which is what kernels and packing are given.
  package var memory: DeviceMemory { pieces[0].memory }

  /// Each piece as a weight of its own, and which rows of this one it has.
  var parts: [(rows: Range<Int>, weight: Weight)] {
    pieces.count == 1 ? [(0..<rows, self)] : pieces.map { ($0.rows, Weight(self, $0, $0.rows)) }
  }

  /// The same, cut into bands of at most `limit` rows: somewhere to pack to.
  func bands(ofAtMost limit: Int) -> [(rows: Range<Int>, weight: Weight)] {
    pieces.flatMap { piece in
      stride(from: piece.rows.lowerBound, to: piece.rows.upperBound, by: limit).map { first in
        let range = first..<min(first + limit, piece.rows.upperBound)
        return (range, Weight(self, piece, range))
      }
    }
  }

  /// Where the first panel begins in the memory, in bytes.
  var firstByte: Int { firstPanel * panelWidth * (columns / format.blockLength) * format.panelBlockByteCount }

  /// Throws unless `source` is the matrix that the panels have room for.
  func checkSource(_ source: MatrixView) throws {
    guard source.rows == rows, source.columns == columns, WeightFormat(source.elementType) == format else {
      throw ComputeError.mismatch(
        "a matrix of \(source.rows) × \(source.columns) \(source.elementType) for panels of \(rows) × \(columns) "
          + "\(format.rawValue)")
    }
  }

  /// Throws unless `blocks` holds the rows that the panels have room for, as a file has them.
  func checkBlocks(_ blocks: DeviceMemory) throws {
    let needed = try format.byteCount(rows: rows, columns: columns)
    guard format.isQuantised, blocks.byteCount >= needed else {
      throw ComputeError.mismatch(
        "\(blocks.byteCount) bytes of blocks for panels of \(rows) × \(columns) \(format.rawValue), "
          + "which are made from \(needed)")
    }
  }
}

extension ComputeDevice {
  /// Uploads a row-major matrix of `rows` × `order.terms(of: leaves).count` and packs it, a band of rows after the
  /// other, so that the device needs room for the weight and one band.
  ///
  /// - Parameters:
  ///   - source: the elements or blocks, as a file has them, without gaps; they must stay as they are until `finish()`.
  ///   - bandByteCount: about how much is uploaded at a time; at least the rows of one panel.
  /// - Throws: `ComputeError`, or the driver's error.
  public func makeWeight(
    _ source: HostMemory, rows: Int, order: SumOrder, leaves: Range<Int> = SumOrder.allLeaves, format: WeightFormat,
    bandByteCount: Int = 64 << 20
  ) throws -> Weight {
    let weight = try Weight(on: self, rows: rows, order: order, leaves: leaves, format: format)
    let byteCount = try format.byteCount(rows: rows, columns: weight.columns)
    guard source.byteCount == byteCount else {
      throw ComputeError.mismatch(
        "\(source.byteCount) bytes for a weight of \(rows) × \(weight.columns) \(format.rawValue), which has \(byteCount)"
      )
    }
    guard byteCount > 0 else { return weight }
    let rowByteCount = byteCount / rows
    let bandLimit = min(bandByteCount, capabilities.maximumAllocationByteCount)
    let bandRows = max(1, bandLimit / rowByteCount / weight.panelWidth) * weight.panelWidth
    // One piece of memory for all bands: commands run in order, so a band is packed before the next one arrives.
    let staging = try allocate(byteCount: min(bandRows, rows) * rowByteCount)
    for (range, band) in weight.bands(ofAtMost: bandRows) {
      try write(
        source, at: range.lowerBound * rowByteCount, byteCount: range.count * rowByteCount, to: staging, at: 0)
      if let elementType = format.elementType {
        try pack(
          MatrixView(staging, rows: range.count, columns: weight.columns, elementType: elementType), into: band)
      } else {
        try pack(blocks: staging, into: band)
      }
    }
    return weight
  }
}
