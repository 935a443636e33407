// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// A tensor of a model file as the weight of a product: read, and converted where it has to be, part by part.
public struct WeightMatrix: MatrixSource, Sendable {
  /// The tensor in its file.
  public let tensor: WeightTensor
  /// How the weight is handed out.
  public let format: WeightFormat
  /// Rows of the tensor.
  public var rows: Int { tensor.rows }
  /// Columns of the tensor.
  public var columns: Int { tensor.columns }

  /// Hands out `tensor` as `format`: the file's own, or one of elements. By default the file's where products can be
  /// computed with it, else f32.
  ///
  /// - Throws: `ModelFileError` for another quantised format than the file's.
  public init(_ tensor: WeightTensor, as format: WeightFormat? = nil) throws {
    guard let format, format.isQuantised, format != tensor.type.weightFormat else {
      self.tensor = tensor
      self.format = format ?? tensor.type.weightFormat ?? .f32
      return
    }
    throw tensor.refusal(
      "\(quoted(tensor.name)) as \(format.rawValue)", tensor.type.rawValue,
      "weights are converted to f32, f16 and bf16 only")
  }

  /// The elements or blocks of a part; columns are cut on the borders of quantisation blocks.
  ///
  /// - Throws: `ModelFileError` where the part is not in the tensor, cuts a block, or the file has been cut.
  public func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    if format == .f32 {
      let block = HostMemory(byteCount: 4 * rows.count * columns.count)
      try block.withMutableBytes { (bytes: UnsafeMutableRawBufferPointer) throws in
        try tensor.dequantise(rows: rows, columns: columns, into: bytes.bindMemory(to: Float.self))
      }
      return block
    }
    if let elementType = format.elementType, format != tensor.type.weightFormat {
      return HostMemory(try tensor.dequantised(rows: rows, columns: columns), as: elementType)
    }
    return try tensor.stored(rows: rows, columns: columns)
  }
}

extension TensorType {
  /// The format that products are computed with; nil where weights have to be converted first.
  public var weightFormat: WeightFormat? {
    WeightFormat.allCases.first { $0.rawValue == rawValue.lowercased() }
  }
}
