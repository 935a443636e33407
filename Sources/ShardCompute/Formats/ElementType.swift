// SPDX-License-Identifier: Apache-2.0

/// How one number is stored; arithmetic is always f32.
public enum ElementType: String, CaseIterable, Hashable, Sendable, Codable {
  /// IEEE 754 binary32.
  case f32
  /// IEEE 754 binary16.
  case f16
  /// The upper half of a binary32 ("brain float").
  case bf16

  /// Bytes of one element.
  public var byteCount: Int { self == .f32 ? 4 : 2 }

  /// Relative error of one rounding to this type: half a unit in the last place of a significand of 24, 11 or 8 bits.
  public var unitRoundoff: Double {
    switch self {
    case .f32: 0x1p-24
    case .f16: 0x1p-11
    case .bf16: 0x1p-8
    }
  }
}
