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

  /// k here: columns of the matrix in this memory.
  public var columns: Int { order.terms(of: leaves).count }
  /// Panels, the last one padded.
  public var panelCount: Int { (rows + panelWidth - 1) / panelWidth }
  /// The addends that a product with this weight makes, each a complete subtree of the sum.
  public var nodes: [SumNode] { SumNode.covering(leaves) }

  /// Allocates panels for a matrix of `rows` × `order.terms(of: leaves).count` on `device`, contents undefined.
  ///
  /// - Throws: `ComputeError.allocationTooLarge`; `.mismatch` for a negative or unthinkable size; the driver's error.
  public init(
    on device: any ComputeDevice, rows: Int, order: SumOrder, leaves: Range<Int> = SumOrder.allLeaves,
    elementType: ElementType
  ) throws {
    let width = device.weightPanelWidth
    let panels = rows / width + (rows % width == 0 ? 0 : 1)
    guard rows >= 0,
      let byteCount = Self.size(panels, width, order.terms(of: leaves).count, elementType.byteCount)
    else {
      throw ComputeError.mismatch("a weight of \(rows) × \(order.length) has no size that fits 63 bits")
    }
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

  /// The product of sizes, nil where one is negative or it does not fit.
  fileprivate static func size(_ factors: Int...) -> Int? {
    var size = 1
    for factor in factors {
      let (product, overflow) = size.multipliedReportingOverflow(by: factor)
      guard factor >= 0, !overflow else { return nil }
      size = product
    }
    return size
  }
}

extension Weight {
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
  /// Uploads a row-major matrix of `rows` × `order.terms(of: leaves).count` and packs it.
  ///
  /// - Parameter source: the elements, `elementType`, without gaps.
  /// - Throws: `ComputeError.mismatch` where `source` has another size; `.allocationTooLarge`; the driver's error.
  public func makeWeight(
    _ source: HostMemory, rows: Int, order: SumOrder, leaves: Range<Int> = SumOrder.allLeaves, elementType: ElementType
  ) throws -> Weight {
    let columns = order.terms(of: leaves).count
    guard source.byteCount == Weight.size(rows, columns, elementType.byteCount) else {
      throw ComputeError.mismatch("\(source.byteCount) bytes for a weight of \(rows) × \(columns) \(elementType)")
    }
    let weight = try Weight(on: self, rows: rows, order: order, leaves: leaves, elementType: elementType)
    let matrix = try MatrixView(try upload(source), rows: rows, columns: columns, elementType: elementType)
    try pack(matrix, into: weight)
    return weight
  }
}
