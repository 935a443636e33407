// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// A tensor of a model file as the weight of a product: read, and dequantised where it has to be, part by part.
public struct WeightMatrix: MatrixSource, Sendable {
  /// The tensor in its file.
  public let tensor: WeightTensor
  /// How elements are handed out.
  public let elementType: ElementType
  /// Rows of the tensor.
  public var rows: Int { tensor.rows }
  /// Columns of the tensor.
  public var columns: Int { tensor.columns }

  /// Hands out `tensor` as `elementType`; by default as in the file where that is f32, f16 or bf16, else as f32.
  public init(_ tensor: WeightTensor, as elementType: ElementType? = nil) {
    self.tensor = tensor
    self.elementType = elementType ?? tensor.type.elementType ?? .f32
  }

  /// The elements of a part; columns are cut on the borders of quantisation blocks.
  ///
  /// - Throws: `ModelFileError` where the part is not in the tensor, cuts a block, or the file has been cut.
  public func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
    if elementType == .f32 {
      let block = HostMemory(byteCount: 4 * rows.count * columns.count)
      try block.withMutableBytes { (bytes: UnsafeMutableRawBufferPointer) throws in
        try tensor.dequantise(rows: rows, columns: columns, into: bytes.bindMemory(to: Float.self))
      }
      return block
    }
    guard elementType == tensor.type.elementType, columns == 0..<tensor.columns else {
      // The values that the file has are exact in its own type, so rounding them again changes nothing.
      return HostMemory(try tensor.dequantised(rows: rows, columns: columns), as: elementType)
    }
    return try tensor.withBytes(rows: rows) { bytes in
      let block = HostMemory(byteCount: bytes.count)
      block.withMutableBytes { $0.copyMemory(from: bytes) }
      return block
    }
  }
}

extension TensorType {
  /// The element type of a tensor that is not quantised; nil for others.
  public var elementType: ElementType? {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    default: nil
    }
  }
}
