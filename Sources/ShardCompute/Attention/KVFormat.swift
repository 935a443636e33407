// SPDX-License-Identifier: Apache-2.0

/// How a cache stores keys and values.
public enum KVFormat: String, CaseIterable, Hashable, Sendable, Codable {
  /// IEEE 754 binary32.
  case f32
  /// IEEE 754 binary16.
  case f16
  /// The upper half of a binary32.
  case bf16
  /// 32 neighbouring numbers of a head as signed bytes with one binary16 scale; sizes of heads are multiples of 32.
  case q8_0

  /// Bytes of 32 neighbouring numbers.
  package var panelByteCount: Int {
    switch self {
    case .f32: 128
    case .f16, .bf16: 64
    case .q8_0: 34
    }
  }

  /// Throws `ComputeError.mismatch` unless it can store the keys and values of `heads`.
  package func check(_ heads: AttentionHeads) throws {
    guard self != .q8_0 || heads.keySize.isMultiple(of: 32) && heads.valueSize.isMultiple(of: 32) else {
      throw ComputeError.mismatch(
        "heads of \(heads.keySize) and \(heads.valueSize) numbers in q8_0; its scales are for 32 numbers each")
    }
  }

  /// What kernels call the format: a word for `-D`.
  var kernelName: String { rawValue.uppercased() }
}
