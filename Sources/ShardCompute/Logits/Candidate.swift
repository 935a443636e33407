// SPDX-License-Identifier: Apache-2.0

/// One of the largest values of a row: a token, and its logit.
public struct Candidate: Hashable, Sendable {
  /// The column of the whole row: the token id.
  public let index: Int
  /// The value there; +0 for −0.
  public let value: Float

  /// A column and its value.
  public init(index: Int, value: Float) {
    self.index = index
    self.value = value
  }

  /// What 64 bits of a device stand for (`Kernels/common/top_k`); nil for no candidate.
  package init?(bits: UInt64) {
    guard bits != 0 else { return nil }
    let key = UInt32(truncatingIfNeeded: bits >> 32)
    let value = Float(bitPattern: key >> 31 == 0 ? ~key : key ^ 0x8000_0000)
    self.init(index: Int(~UInt32(truncatingIfNeeded: bits)), value: value.isNaN ? .nan : value)
  }
}

/// Candidates in device memory: `count` for each of `rows` rows, 8 bytes each, row by row from the first byte on.
public struct CandidateMatrix: Sendable {
  /// The memory; belongs to one device.
  public let memory: DeviceMemory
  /// Number of rows.
  public let rows: Int
  /// Candidates of a row.
  public let count: Int

  /// The candidates at the beginning of `memory`.
  ///
  /// - Throws: `ComputeError.outOfBounds` where they do not lie inside `memory`.
  public init(_ memory: DeviceMemory, rows: Int, count: Int) throws {
    guard try Self.byteCount(rows: rows, count: count) <= memory.byteCount else {
      throw ComputeError.outOfBounds("\(rows) × \(count) candidates of 8 bytes in memory of \(memory.byteCount) bytes")
    }
    self.memory = memory
    self.rows = rows
    self.count = count
  }

  /// Bytes of `count` candidates of `rows` rows.
  ///
  /// - Throws: `ComputeError.mismatch` for sizes that are negative or too large.
  public static func byteCount(rows: Int, count: Int) throws -> Int { try checkedProduct(rows, count, 8) }
}
