// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// How the elements of a tensor are stored, by the names that GGML and safetensors give.
///
/// Quantised types store *blocks* of consecutive elements of a row; the others are blocks of one element.
public enum TensorType: String, Hashable, Sendable, CaseIterable {
  /// IEEE single.
  case f32 = "F32"
  /// IEEE half.
  case f16 = "F16"
  /// The upper half of an IEEE single.
  case bf16 = "BF16"
  /// 32 elements in 18 bytes: four bits each and a scale.
  case q4_0 = "Q4_0"
  /// 32 elements in 20 bytes: four bits each, a scale and a minimum.
  case q4_1 = "Q4_1"
  /// 32 elements in 22 bytes: five bits each and a scale.
  case q5_0 = "Q5_0"
  /// 32 elements in 24 bytes: five bits each, a scale and a minimum.
  case q5_1 = "Q5_1"
  /// 32 elements in 34 bytes: eight bits each and a scale.
  case q8_0 = "Q8_0"
  /// 256 elements in 84 bytes: two bits each, scales and minima of groups of 16.
  case q2_K = "Q2_K"
  /// 256 elements in 110 bytes: three bits each, scales of groups of 16.
  case q3_K = "Q3_K"
  /// 256 elements in 144 bytes: four bits each, scales and minima of groups of 32.
  case q4_K = "Q4_K"
  /// 256 elements in 176 bytes: five bits each, scales and minima of groups of 32.
  case q5_K = "Q5_K"
  /// 256 elements in 210 bytes: six bits each, scales of groups of 16.
  case q6_K = "Q6_K"
  /// 32 elements in 18 bytes: four bits that number a value of a fixed table, and a scale.
  case iq4_NL = "IQ4_NL"
  /// 256 elements in 136 bytes: the table of `iq4_NL`, scales of groups of 32.
  case iq4_XS = "IQ4_XS"

  // What model files hold beside weights. Their bytes can be read, but they are not dequantised.

  /// IEEE double.
  case f64 = "F64"
  /// Eight-bit float of four exponent bits.
  case f8_E4M3 = "F8_E4M3"
  /// Eight-bit float of five exponent bits.
  case f8_E5M2 = "F8_E5M2"
  /// Signed integer of 8 bits.
  case i8 = "I8"
  /// Signed integer of 16 bits.
  case i16 = "I16"
  /// Signed integer of 32 bits.
  case i32 = "I32"
  /// Signed integer of 64 bits.
  case i64 = "I64"
  /// Unsigned integer of 8 bits.
  case u8 = "U8"
  /// Unsigned integer of 16 bits.
  case u16 = "U16"
  /// Unsigned integer of 32 bits.
  case u32 = "U32"
  /// Unsigned integer of 64 bits.
  case u64 = "U64"
  /// Truth value in a byte.
  case bool = "BOOL"

  /// How many elements of a row a block holds.
  public var elementsPerBlock: Int { format?.elementCount ?? 1 }

  /// How many bytes a block takes.
  public var bytesPerBlock: Int {
    if let format { return format.byteCount }
    switch self {
    case .f64, .i64, .u64: return 8
    case .i32, .u32: return 4
    case .i16, .u16: return 2
    default: return 1
    }
  }

  /// Whether a block is more than one element.
  public var isQuantised: Bool { elementsPerBlock > 1 }

  /// The layout of a block; nil if the type is not one of weights.
  var format: (any BlockFormat.Type)? {
    switch self {
    case .f32: F32.self
    case .f16: F16.self
    case .bf16: BF16.self
    case .q4_0: Q4_0.self
    case .q4_1: Q4_1.self
    case .q5_0: Q5_0.self
    case .q5_1: Q5_1.self
    case .q8_0: Q8_0.self
    case .q2_K: Q2_K.self
    case .q3_K: Q3_K.self
    case .q4_K: Q4_K.self
    case .q5_K: Q5_K.self
    case .q6_K: Q6_K.self
    case .iq4_NL: IQ4_NL.self
    case .iq4_XS: IQ4_XS.self
    default: nil
    }
  }
}

extension TensorType {
  /// The type that a GGUF file numbers `identifier`; nil for those that are not implemented.
  init?(ggml identifier: UInt32) {
    switch identifier {
    case 0: self = .f32
    case 1: self = .f16
    case 2: self = .q4_0
    case 3: self = .q4_1
    case 6: self = .q5_0
    case 7: self = .q5_1
    case 8: self = .q8_0
    case 10: self = .q2_K
    case 11: self = .q3_K
    case 12: self = .q4_K
    case 13: self = .q5_K
    case 14: self = .q6_K
    case 20: self = .iq4_NL
    case 23: self = .iq4_XS
    case 24: self = .i8
    case 25: self = .i16
    case 26: self = .i32
    case 27: self = .i64
    case 28: self = .f64
    case 30: self = .bf16
    default: return nil
    }
  }

  /// The type that a safetensors header names `name`; nil for those that are not implemented.
  init?(safeTensors name: String) {
    guard let type = TensorType(rawValue: name), !type.isQuantised else { return nil }
    self = type
  }
}
