// SPDX-License-Identifier: Apache-2.0

/// A run of Int32 in device memory: token ids, lengths.
public struct IndexVector: Sendable {
  /// The memory; belongs to one device.
  public let memory: DeviceMemory
  /// The first number, in numbers from the start of the memory.
  public let offset: Int
  /// How many there are.
  public let count: Int

  /// `count` numbers of `memory` from `offset` on.
  ///
  /// - Throws: `ComputeError.outOfBounds` where they do not lie inside `memory`.
  public init(_ memory: DeviceMemory, count: Int, offset: Int = 0) throws {
    let capacity = memory.byteCount / 4
    guard offset >= 0, count >= 0, offset <= capacity, count <= capacity - offset else {
      throw ComputeError.outOfBounds("\(count) numbers from \(offset) on, in memory of \(capacity) numbers of 32 bits")
    }
    self.memory = memory
    self.offset = offset
    self.count = count
  }
}
