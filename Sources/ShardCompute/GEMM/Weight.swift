// SPDX-License-Identifier: Apache-2.0

/// A matrix that products multiply by, stored in panels: the n × k operand of C = A · Bᵀ.
///
/// `panel[j / width][p][j % width]` holds row j, column p; the last panel is padded with zeros. So the rows of a panel
/// lie side by side, which serves a register tile, a local-memory tile and a matrix-vector product alike: each reads
/// the panel front to back with wide loads. Packed once, at load.
public struct Weight: Sendable {
  /// The panels.
  public let memory: DeviceMemory
  /// n: rows of the matrix, columns of the result.
  public let rows: Int
  /// The order of the sum over k, the same on all ranks that share the weight.
  public let order: SumOrder
  /// The leaves of the sum whose columns are here; all of them unless the weight is cut along k.
  public let leaves: Range<Int>
  /// How elements are stored.
  public let elementType: ElementType
  /// Rows of the matrix in a panel.
  public let panelWidth: Int
  /// Where the first panel lies in the memory, counted in panels.
  private(set) var firstPanel = 0

  /// k here: columns of the matrix in this memory.
  public var columns: Int { order.terms(of: leaves).count }
  /// Panels, the last one padded.
  public var panelCount: Int { (rows + panelWidth - 1) / panelWidth }
  /// The addends that a product with this weight makes, each a complete subtree of the sum.
  public var nodes: [SumNode] { SumNode.covering(leaves) }

  /// Allocates panels for a matrix of `rows` × `order.terms(of: leaves).count` on `device`, contents undefined.
  ///
  /// - Throws: `ComputeError.mismatch` for sizes or leaves that are not possible, `.allocationTooLarge` or
  ///   `.outOfMemory`, or the driver's error.
  public init(
    on device: any ComputeDevice, rows: Int, order: SumOrder, leaves: Range<Int> = SumOrder.allLeaves,
    elementType: ElementType
  ) throws {
    guard possibleSizes.contains(rows), possibleSizes.contains(order.length), leaves.lowerBound >= 0,
      leaves.upperBound <= SumOrder.leafCount
    else {
      throw ComputeError.mismatch(
        "leaves \(leaves) of a weight of \(rows) × \(order.length); leaves are \(SumOrder.allLeaves), "
          + "sides \(possibleSizes)")
    }
    let width = device.weightPanelWidth
    let byteCount = try checkedProduct(
      (rows + width - 1) / width, width, order.terms(of: leaves).count, elementType.byteCount)
    self.init(
      memory: try device.allocate(byteCount: byteCount), rows: rows, order: order, leaves: leaves,
      elementType: elementType, panelWidth: width)
  }

  init(
    memory: DeviceMemory, rows: Int, order: SumOrder, leaves: Range<Int>, elementType: ElementType, panelWidth: Int
  ) {
    self.memory = memory
    self.rows = rows
    self.order = order
    self.leaves = leaves
    self.elementType = elementType
    self.panelWidth = panelWidth
  }
}

extension Weight {
  /// Rows `range`, which begins with a panel, over the same memory: somewhere to pack to.
  func band(_ range: Range<Int>) -> Weight {
    var band = Weight(
      memory: memory, rows: range.count, order: order, leaves: leaves, elementType: elementType,
      panelWidth: panelWidth)
    band.firstPanel = firstPanel + range.lowerBound / panelWidth
    return band
  }

  /// The first element of the first panel.
  var firstElement: Int { firstPanel * panelWidth * columns }

  /// Throws unless `source` is the matrix that the panels have room for.
  func checkSource(_ source: MatrixView) throws {
    guard source.rows == rows, source.columns == columns, source.elementType == elementType else {
      throw ComputeError.mismatch(
        "a matrix of \(source.rows) × \(source.columns) \(source.elementType) for panels of \(rows) × \(columns) "
          + "\(elementType)")
    }
  }
}

extension ComputeDevice {
  /// Uploads a row-major matrix of `rows` × `order.terms(of: leaves).count` and packs it, a band of rows after the
  /// other, so that the device needs room for the weight and one band.
  ///
  /// - Parameters:
  ///   - source: the elements, `elementType`, without gaps; they must stay as they are until `finish()`.
  ///   - bandByteCount: about how much is uploaded at a time; at least the rows of one panel.
  /// - Throws: `ComputeError`, or the driver's error.
  public func makeWeight(
    _ source: HostMemory, rows: Int, order: SumOrder, leaves: Range<Int> = SumOrder.allLeaves, elementType: ElementType,
    bandByteCount: Int = 64 << 20
  ) throws -> Weight {
    let weight = try Weight(on: self, rows: rows, order: order, leaves: leaves, elementType: elementType)
    let columns = weight.columns
    let byteCount = rows * columns * elementType.byteCount
    guard source.byteCount == byteCount else {
      throw ComputeError.mismatch(
        "\(source.byteCount) bytes for a weight of \(rows) × \(columns) \(elementType), which has \(byteCount)")
    }
    guard byteCount > 0 else { return weight }
    let rowByteCount = columns * elementType.byteCount
    let panels = max(1, bandByteCount / rowByteCount / weight.panelWidth)
    let bandRows = min(rows, panels * weight.panelWidth)
    // One piece of memory for all bands: commands run in order, so a band is packed before the next one arrives.
    let staging = try allocate(byteCount: bandRows * rowByteCount)
    for start in stride(from: 0, to: rows, by: bandRows) {
      let band = start..<min(start + bandRows, rows)
      try write(source, at: start * rowByteCount, byteCount: band.count * rowByteCount, to: staging, at: 0)
      try pack(
        MatrixView(staging, rows: band.count, columns: columns, elementType: elementType), into: weight.band(band))
    }
    return weight
  }
}
