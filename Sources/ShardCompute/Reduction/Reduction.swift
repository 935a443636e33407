// SPDX-License-Identifier: Apache-2.0

/// An element-wise join of several vectors, or of several matrices of one shape: what a collective does at each rank.
///
/// The tree gives the order. Arithmetic is f32 whatever the storage, rounded once at the end, so that f16 and bf16
/// sums lose nothing on the way. The destination may be one of the addends.
public struct Reduction: Sendable {
  /// What joins two elements.
  public enum Operation: String, CaseIterable, Hashable, Sendable, Codable {
    /// Addition.
    case sum
    /// The larger, +0 of two zeros; NaN where either is.
    case max
    /// The smaller, −0 of two zeros; NaN where either is.
    case min
  }

  /// A run of elements in memory that the device can address.
  public struct Operand: Sendable {
    /// The memory.
    public let memory: DeviceMemory
    /// The first element, in elements.
    public let offset: Int

    /// Elements of `memory` from `offset`.
    public init(_ memory: DeviceMemory, offset: Int = 0) {
      self.memory = memory
      self.offset = offset
    }
  }

  /// The most addends of one reduction.
  public static let maximumAddends = 16

  /// What is joined.
  public let addends: [Operand]
  /// Where the result goes.
  public let destination: Operand
  /// Rows of each; 1 for vectors.
  public let rows: Int
  /// Elements of a row.
  public let count: Int
  /// Elements from one row of an addend to the next.
  public let addendStride: Int
  /// Elements from one row of the destination to the next.
  public let destinationStride: Int
  /// How elements are stored.
  public let elementType: ElementType
  /// How two are joined.
  public let operation: Operation
  /// In which order.
  public let tree: ReductionTree

  /// Checks ranges and that the tree has each addend once.
  ///
  /// Strides are `count` and the tree that of leaves 0 ..< addends.count where they are not given.
  /// - Throws: `ComputeError.mismatch` for no addends, too many or another tree's; `.outOfBounds` with the values.
  public init(
    _ addends: [Operand], into destination: Operand, rows: Int = 1, count: Int, addendStride: Int? = nil,
    destinationStride: Int? = nil, elementType: ElementType = .f32, operation: Operation = .sum,
    tree: ReductionTree? = nil
  ) throws {
    guard (1...Self.maximumAddends).contains(addends.count), let order = tree ?? ReductionTree(count: addends.count),
      order.positions.sorted() == Array(addends.indices)
    else {
      throw ComputeError.mismatch(
        "\(addends.count) addends and a tree over \(tree?.positions ?? []); 1 to \(Self.maximumAddends) are possible, "
          + "and each is in the tree once")
    }
    self.addends = addends
    self.destination = destination
    self.rows = rows
    self.count = count
    self.addendStride = addendStride ?? count
    self.destinationStride = destinationStride ?? count
    self.elementType = elementType
    self.operation = operation
    self.tree = order
    for operand in addends { _ = try matrix(operand, stride: self.addendStride) }
    _ = try matrix(destination, stride: self.destinationStride)
  }

  /// The operand as a matrix, which checks that it lies inside its memory.
  private func matrix(_ operand: Operand, stride: Int) throws -> MatrixView {
    try MatrixView(
      operand.memory, rows: rows, columns: count, leadingDimension: stride, offset: operand.offset,
      elementType: elementType)
  }
}
