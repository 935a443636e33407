// SPDX-License-Identifier: Apache-2.0

/// How a weight is stored on a device: as elements, or in the blocks of GGML's formats.
///
/// A *block* is a run of columns of one row that share scales and are never separated. Inside a block, *groups* of 16 or
/// 32 columns have a scale each: w = scale · q + offset, q a small integer. The formats are those of GGML's
/// `ggml-common.h`, which GGUF files hold.
public enum WeightFormat: String, CaseIterable, Hashable, Sendable, Codable {
  /// IEEE 754 binary32.
  case f32
  /// IEEE 754 binary16.
  case f16
  /// The upper half of a binary32.
  case bf16
  /// 32 columns in 34 bytes: eight bits each, a scale.
  case q8_0
  /// 32 columns in 18 bytes: four bits each, a scale.
  case q4_0
  /// 32 columns in 20 bytes: four bits each, a scale, an offset.
  case q4_1
  /// 32 columns in 22 bytes: five bits each, a scale.
  case q5_0
  /// 32 columns in 24 bytes: five bits each, a scale, an offset.
  case q5_1
  /// 32 columns in 18 bytes: four bits that number a value of a fixed table, a scale.
  case iq4_nl
  /// 256 columns in 144 bytes: four bits each, scale and offset of groups of 32.
  case q4_K = "q4_k"
  /// 256 columns in 176 bytes: five bits each, scale and offset of groups of 32.
  case q5_K = "q5_k"
  /// 256 columns in 210 bytes: six bits each, scale of groups of 16.
  case q6_K = "q6_k"

  /// The format of weights that are stored as elements.
  public init(_ elementType: ElementType) {
    switch elementType {
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    }
  }

  /// The type of the elements; nil for a format of blocks.
  public var elementType: ElementType? { ElementType(rawValue: rawValue) }

  /// Columns that share a scale: of a quantised format 16 or 32, else 1.
  public var groupLength: Int { self == .q6_K ? 16 : min(32, blockLength) }

  /// Whether the weight is stored in blocks of several columns.
  public var isQuantised: Bool { elementType == nil }

  /// Columns of a block; a cut between columns must be at a multiple.
  public var blockLength: Int { blocks.elementCount }

  /// Bytes of a block of one row, in a file.
  public var blockByteCount: Int { blocks.byteCount }

  /// Bytes of `rows` × `columns` (whole blocks), row-major without gaps, as a file has them.
  ///
  /// - Throws: `ComputeError.mismatch` where `columns` is not a whole number of blocks or the size does not fit.
  public func byteCount(rows: Int, columns: Int) throws -> Int {
    try checkWholeBlocks(columns)
    return try checkedProduct(rows, columns / blockLength, blockByteCount)
  }

  /// Bytes of a block of one row in panels: there the K formats' scales of six bits take bytes.
  var panelBlockByteCount: Int { self == .q4_K || self == .q5_K ? blockByteCount + 4 : blockByteCount }

  /// Throws unless `columns` ends with a block.
  func checkWholeBlocks(_ columns: Int) throws {
    guard columns >= 0, columns.isMultiple(of: blockLength) else {
      throw ComputeError.mismatch(
        "\(columns) columns of \(rawValue), which is cut at multiples of its blocks of \(blockLength)")
    }
  }

  /// Where the halves of a block are that scale all its values.
  var halfOffsets: [Int] {
    switch self {
    case .f32, .f16, .bf16: []
    case .q8_0, .q4_0, .q5_0, .iq4_nl: [0]
    case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
    case .q6_K: [208]
    }
  }

  /// What kernels call the format: a word for `-D`.
  package var kernelName: String { rawValue.uppercased() }

  /// The layout of a block in a file.
  package var blocks: any BlockFormat.Type {
    switch self {
    case .f32: F32.self
    case .f16: F16.self
    case .bf16: BF16.self
    case .q8_0: Q8_0.self
    case .q4_0: Q4_0.self
    case .q4_1: Q4_1.self
    case .q5_0: Q5_0.self
    case .q5_1: Q5_1.self
    case .iq4_nl: IQ4_NL.self
    case .q4_K: Q4_K.self
    case .q5_K: Q5_K.self
    case .q6_K: Q6_K.self
    }
  }
}
