// SPDX-License-Identifier: Apache-2.0

/// The rows of a weight that token ids name, as f32: an embedding, in the same memory that products read.
///
/// | operand | shape | type |
/// | --- | --- | --- |
/// | `ids` | tokens | Int32 |
/// | `weight` | rows of the ids `firstID` ..< `firstID` + rows; panels | any `WeightFormat` |
/// | `result` | tokens × columns, row-major | f32 |
///
/// Elements are exact; values of quantised blocks are scale · q + offset, rounded once; then each is multiplied by `scale`.
/// So a result has the same bits on every device. An id of another part of the vocabulary makes a row of −0, which
/// leaves a sum as it is, whatever the sum is; an id outside the vocabulary makes a row of NaN. No id makes a read outside
/// the weight.
public struct LookUp: Sendable {
  /// The token ids.
  public let ids: IndexVector
  /// The embeddings.
  public let weight: Weight
  /// The id of the weight's first row.
  public let firstID: Int
  /// How many ids there are, those of other parts included.
  public let vocabulary: Int
  /// What every element is multiplied by.
  public let scale: Float
  /// The result.
  public let result: MatrixView

  /// Checks that the operands belong together.
  ///
  /// - Parameter vocabulary: by default the ids end with the weight's last row.
  /// - Throws: `ComputeError.mismatch` with the shapes, for a weight that is a batch, or a vocabulary without room for its
  ///   rows.
  public init(
    _ ids: IndexVector, in weight: Weight, firstID: Int = 0, vocabulary: Int? = nil, scale: Float = 1,
    into result: MatrixView
  ) throws {
    let (end, overflow) = firstID.addingReportingOverflow(weight.rows)
    let vocabulary = vocabulary ?? end
    guard weight.matrices == 1, firstID >= 0, !overflow, end <= vocabulary, vocabulary <= Int(Int32.max) else {
      throw ComputeError.mismatch(
        "\(weight.matrices) weights with rows \(firstID)..<\(end) of a vocabulary of \(vocabulary); one is possible, "
          + "inside a vocabulary of at most \(Int32.max)")
    }
    try result.checkRows("a result", rows: ids.count, columns: weight.columns)
    self.ids = ids
    self.weight = weight
    self.firstID = firstID
    self.vocabulary = vocabulary
    self.scale = scale
    self.result = result
  }

  /// Throws unless all `ids` are in a vocabulary of `vocabulary`; for ids that the host knows.
  ///
  /// - Throws: `ComputeError.outOfBounds` with the first that is not.
  public static func check(_ ids: [Int32], vocabulary: Int) throws {
    guard let position = ids.firstIndex(where: { $0 < 0 || $0 >= vocabulary }) else { return }
    throw ComputeError.outOfBounds("token id \(ids[position]) at position \(position); ids are 0..<\(vocabulary)")
  }
}
