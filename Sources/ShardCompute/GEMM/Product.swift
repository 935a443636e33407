// SPDX-License-Identifier: Apache-2.0

/// C = α · A · Wᵀ + β · C on one device.
///
/// | operand | shape | type |
/// | --- | --- | --- |
/// | `a` | m × k, any strides | f32 |
/// | `weight` | n × k, panels | any `WeightFormat` |
/// | `c` | m × n, row-major; see `Epilogue` | f32 |
///
/// A weight that holds some of the leaves of its sum makes one addend of C for each of `weight.nodes`, `nodeStride`
/// elements apart; one that holds no leaves makes none, and C stays as it is. C is not read where β is zero.
public struct Product: Sendable {
  /// The activations.
  public let a: MatrixView
  /// The weight.
  public let weight: Weight
  /// The result, or its first addend.
  public let c: MatrixView
  /// Elements from one addend to the next.
  public let nodeStride: Int
  /// α.
  public let alpha: Float
  /// β.
  public let beta: Float
  /// How exact it has to be.
  public let arithmetic: Arithmetic
  /// What is done with the sums.
  public let epilogue: Epilogue

  /// Checks that the operands belong together. Without `nodeStride` addends lie one after another.
  ///
  /// - Throws: `ComputeError.mismatch` with the shapes; `.outOfBounds` where an addend of C does not fit its memory.
  public init(
    _ a: MatrixView, _ weight: Weight, into c: MatrixView, nodeStride: Int? = nil, alpha: Float = 1, beta: Float = 0,
    arithmetic: Arithmetic = .ordered,
    epilogue: Epilogue = .none
  ) throws {
    guard a.columns == weight.columns, c.rows == a.rows, c.columns == epilogue.resultColumns(weight.rows) else {
      throw ComputeError.mismatch(
        "A is \(a.rows) × \(a.columns), W \(weight.rows) × \(weight.columns) and C \(c.rows) × \(c.columns); "
          + "C = A · Wᵀ needs m × k, n × k and \(epilogue.isGated ? "m × n / 2 where it is gated" : "m × n")")
    }
    try epilogue.check(weight, c, beta: beta)
    guard a.elementType == .f32, c.elementType == .f32, c.columnStride == 1 || c.columns <= 1,
      c.rowStride >= c.columns || c.rows <= 1
    else {
      throw ComputeError.mismatch(
        "A is \(a.elementType), C \(c.elementType) with strides \(c.rowStride) and \(c.columnStride); "
          + "A and C are f32 and C is row-major")
    }
    let stride = try nodeStride ?? checkedProduct(c.rows, c.rowStride)
    let nodes = weight.nodes.count
    if nodes > 1 {
      // The last addend must lie inside the memory too.
      let last = try checkedProduct(nodes - 1, stride).addingReportingOverflow(c.offset)
      _ = try MatrixView(
        c.memory, rows: c.rows, columns: c.columns, leadingDimension: c.rowStride,
        offset: last.overflow ? .max : last.partialValue)
    }
    self.a = a
    self.weight = weight
    self.c = c
    self.nodeStride = stride
    self.alpha = alpha
    self.beta = beta
    self.arithmetic = arithmetic
    self.epilogue = epilogue
  }

  /// Rows of A and C.
  public var m: Int { a.rows }
  /// Rows of the weight: columns of C, twice as many where the product is gated.
  public var n: Int { weight.rows }
  /// Terms of a sum on this device.
  public var k: Int { weight.columns }

  /// One product for each piece of the weight, which makes its columns of C.
  var pieces: [Product] {
    get throws {
      let parts = weight.parts
      return parts.count == 1 ? [self] : try parts.map { try Product(self, $0.weight, columns: $0.rows) }
    }
  }

  private init(_ whole: Product, _ weight: Weight, columns: Range<Int>) throws {
    a = whole.a
    self.weight = weight
    c = try whole.c.columns(whole.epilogue.resultColumns(columns))
    epilogue = try whole.epilogue.columns(columns)
    nodeStride = whole.nodeStride
    alpha = whole.alpha
    beta = whole.beta
    arithmetic = whole.arithmetic
  }

  /// Throws unless the panels of the weight are those of `device`: two devices of one context may have different ones.
  func checkPanels(on device: any ComputeDevice) throws {
    guard weight.panelWidth == device.weightPanelWidth else {
      throw ComputeError.mismatch(
        "a weight in panels of \(weight.panelWidth) rows; \(device.name) has panels of \(device.weightPanelWidth)")
    }
  }
}

extension ComputeDevice {
  /// C = α · A · B + β · C for matrices that are used once; B is k × n, f32, f16 or bf16, any strides.
  ///
  /// Transposed operands are `matrix.transposed`. B is packed on the device first; pack a weight once with
  /// `makeWeight` where it is used more than once.
  /// - Throws: `ComputeError`, or the driver's error.
  public func multiply(_ a: MatrixView, _ b: MatrixView, into c: MatrixView, alpha: Float = 1, beta: Float = 0) throws {
    let weight = try Weight(
      on: self, rows: b.columns, order: SumOrder(length: b.rows), format: WeightFormat(b.elementType))
    let product = try Product(a, weight, into: c, alpha: alpha, beta: beta)
    for part in weight.parts { try pack(b.columns(part.rows).transposed, into: part.weight) }
    try multiply(product)
  }
}
