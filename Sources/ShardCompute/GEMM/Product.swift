// SPDX-License-Identifier: Apache-2.0

/// C = α · A · Wᵀ + β · C on one device, or a batch of such products, which run at the same time.
///
/// | operand | shape | type |
/// | --- | --- | --- |
/// | `a` | m × k, any strides | f32 |
/// | `weight` | n × k, panels | any `WeightFormat` |
/// | `c` | m × n, row-major; see `Epilogue` | f32 |
///
/// A weight that holds some of the leaves of its sum makes one addend of C for each of `weight.nodes`, `nodeStride`
/// elements apart; one that holds no leaves makes none, and C stays as it is. C is not read where β is zero.
///
/// In a batch, product i has matrix i of A, of the weight and of C, and the bits that it has alone. A or the weight may
/// be one matrix for all.
public struct Product: Sendable {
  /// The activations, those of the first product of a batch.
  public let a: MatrixView
  /// The weight.
  public let weight: Weight
  /// The result, or its first addend; that of the first product of a batch.
  public let c: MatrixView
  /// Number of products, 1 unless there is a batch.
  public let count: Int
  /// Elements from one product's A to the next one's; 0 where they share it.
  public let aStride: Int
  /// The same of C.
  public let cStride: Int
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

  /// One product; see `init(batch:_:into:nodeStride:alpha:beta:arithmetic:epilogue:)`.
  ///
  /// - Throws: `ComputeError.mismatch` with the shapes; `.outOfBounds` where an addend of C does not fit its memory.
  public init(
    _ a: MatrixView, _ weight: Weight, into c: MatrixView, nodeStride: Int? = nil, alpha: Float = 1, beta: Float = 0,
    arithmetic: Arithmetic = .ordered, epilogue: Epilogue = .none
  ) throws {
    try self.init(
      batch: MatrixBatch(a), weight, into: MatrixBatch(c), nodeStride: nodeStride, alpha: alpha, beta: beta,
      arithmetic: arithmetic, epilogue: epilogue)
  }

  /// Checks that the operands belong together. Without `nodeStride` addends lie one after another, each with all
  /// products of the batch.
  ///
  /// - Throws: `ComputeError.mismatch` with the shapes; `.outOfBounds` where an addend of C does not fit its memory.
  public init(
    batch a: MatrixBatch, _ weight: Weight, into c: MatrixBatch, nodeStride: Int? = nil, alpha: Float = 1,
    beta: Float = 0, arithmetic: Arithmetic = .ordered, epilogue: Epilogue = .none
  ) throws {
    try Self.check(a.first, weight, c.first, epilogue, beta: beta)
    guard [1, c.count].contains(a.count), [1, c.count].contains(weight.matrices), c.isDisjoint else {
      throw ComputeError.mismatch(
        "\(a.count) matrices A, \(weight.matrices) weights and \(c.count) matrices C, which lie \(c.stride) elements "
          + "apart with rows \(c.first.rowStride) apart; a batch has as many A and weights as C, or one for all, "
          + "and no C inside another")
    }
    let extent = try checkedProduct(c.first.rows, c.first.rowStride)
    let stride = try nodeStride ?? max(extent, checkedProduct(c.count, c.stride))
    let nodes = weight.nodes.count
    if nodes > 1 {
      // The last addend must lie inside the memory too.
      let last = try checkedProduct(nodes - 1, stride).addingReportingOverflow(c.first.offset)
      let addend = try MatrixView(
        c.first.memory, rows: c.first.rows, columns: c.first.columns, leadingDimension: c.first.rowStride,
        offset: last.overflow ? .max : last.partialValue)
      _ = try MatrixBatch(addend, count: c.count, stride: c.stride)
    }
    try epilogue.check(count: c.count)
    self.a = a.first
    self.weight = weight
    self.c = c.first
    count = c.count
    aStride = a.count == 1 ? 0 : a.stride
    cStride = c.stride
    self.nodeStride = stride
    self.alpha = alpha
    self.beta = beta
    self.arithmetic = arithmetic
    self.epilogue = epilogue
  }

  private static func check(
    _ a: MatrixView, _ weight: Weight, _ c: MatrixView, _ epilogue: Epilogue, beta: Float
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
  }

  /// Rows of A and C.
  public var m: Int { a.rows }
  /// Rows of the weight: columns of C, twice as many where the product is gated.
  public var n: Int { weight.rows }
  /// Terms of a sum on this device.
  public var k: Int { weight.columns }

  /// Products of which each has one piece of the weight, and few enough matrices for one launch.
  var pieces: [Product] {
    get throws {
      let limit = launchLimit
      if weight.pieces.count == 1, count <= limit { return [self] }
      return try weight.parts.flatMap { part in
        // A weight that all products share has one matrix, in as many pieces as it needs.
        let products = weight.matrices == 1 ? 0..<count : part.matrices
        return try stride(from: products.lowerBound, to: products.upperBound, by: limit).map { first in
          let range = first..<min(first + limit, products.upperBound)
          let inPart = weight.matrices == 1 ? 0 : first - part.matrices.lowerBound
          let isWhole = weight.matrices == 1 || range == part.matrices
          return try Product(
            self, isWhole ? part.weight : part.weight.matrices(inPart..<inPart + range.count), range,
            columns: part.rows)
        }
      }
    }
  }

  /// Product `index` of a batch whose weight has one piece.
  package func single(_ index: Int) throws -> Product {
    try Product(
      self, weight.matrices == 1 ? weight : weight.matrices(index..<index + 1), index..<index + 1, columns: 0..<n)
  }

  /// The most products of a launch: drivers count groups in 16 bits.
  static let largestBatch = 65535

  /// The same for these, whose activations in panels take scratch memory.
  private var launchLimit: Int {
    let activations = aStride == 0 ? 1 : max(1, m * k * 4)
    return min(Self.largestBatch, max(1, (256 << 20) / activations))
  }

  private init(_ whole: Product, _ weight: Weight, _ products: Range<Int>, columns: Range<Int>) throws {
    a = try MatrixBatch(whole.a, count: whole.count, stride: whole.aStride).matrices(products).first
    self.weight = weight
    c = try MatrixBatch(whole.c, count: whole.count, stride: whole.cStride).matrices(products)
      .columns(whole.epilogue.resultColumns(columns)).first
    epilogue = try whole.epilogue.columns(columns, of: products.lowerBound)
    count = products.count
    aStride = whole.aStride
    cStride = whole.cStride
    nodeStride = whole.nodeStride
    alpha = whole.alpha
    beta = whole.beta
    arithmetic = whole.arithmetic
  }

  /// Throws unless the panels of the weight are those of `device`.
  func checkPanels(on device: any ComputeDevice) throws { try weight.checkPanels(on: device) }
}

extension ComputeDevice {
  /// C = α · A · B + β · C for matrices that are used once; B is k × n, f32, f16 or bf16, any strides.
  ///
  /// Transposed operands are `matrix.transposed`. B is packed on the device first; pack a weight once with
  /// `makeWeight` where it is used more than once.
  /// - Throws: `ComputeError`, or the driver's error.
  public func multiply(_ a: MatrixView, _ b: MatrixView, into c: MatrixView, alpha: Float = 1, beta: Float = 0) throws {
    try multiply(batch: MatrixBatch(a), MatrixBatch(b), into: MatrixBatch(c), alpha: alpha, beta: beta)
  }

  /// The same for each matrix of a batch; A or B may be one matrix for all.
  ///
  /// - Throws: `ComputeError`, or the driver's error.
  public func multiply(
    batch a: MatrixBatch, _ b: MatrixBatch, into c: MatrixBatch, alpha: Float = 1, beta: Float = 0
  ) throws {
    let weight = try Weight(
      on: self, matrices: b.count, rows: b.first.columns, order: SumOrder(length: b.first.rows),
      format: WeightFormat(b.first.elementType))
    let product = try Product(batch: a, weight, into: c, alpha: alpha, beta: beta)
    for part in weight.parts {
      try pack(b.matrices(part.matrices).columns(part.rows).transposed, into: part.weight)
    }
    try multiply(product)
  }

  /// Rearranges a matrix into the panels of `weight`, padding with zeros.
  ///
  /// - Throws: as `pack(_:into:)` of a batch.
  public func pack(_ source: MatrixView, into weight: Weight) throws { try pack(MatrixBatch(source), into: weight) }

  /// Runs products that have no common layout, one after the other without waiting in between.
  ///
  /// All of them are checked for this device before the first is enqueued.
  /// - Throws: as `multiply(_:)`.
  public func multiply(_ products: [Product]) throws {
    for product in products { try product.checkPanels(on: self) }
    for product in products { try multiply(product) }
  }
}
