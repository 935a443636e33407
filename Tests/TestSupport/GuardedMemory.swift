// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Device memory for `count` elements with bytes around it that nobody may write.
public struct GuardedMemory: Sendable {
  /// The device that owns the memory.
  public let device: any ComputeDevice
  /// Guards and elements.
  public let memory: DeviceMemory
  /// How elements are stored.
  public let elementType: ElementType
  /// Number of elements.
  public let count: Int
  /// The first element, in elements.
  public let offset: Int

  private static let guardByteCount = 64
  private static let pattern: UInt8 = 0xa5

  /// Memory of `device` with `bytes`, whole elements; it begins `shift` elements past a 64-byte border.
  public init(
    _ device: any ComputeDevice, bytes: [UInt8], _ elementType: ElementType = .f32, shift: Int = 0
  ) throws {
    self.device = device
    self.elementType = elementType
    count = bytes.count / elementType.byteCount
    offset = Self.guardByteCount / elementType.byteCount + shift
    let before = [UInt8](repeating: Self.pattern, count: offset * elementType.byteCount)
    let after = [UInt8](repeating: Self.pattern, count: Self.guardByteCount)
    memory = try device.upload(before + bytes + after)
  }

  /// Memory of `device` for `count` elements, set to the pattern of the guards (a strange value, not a NaN).
  public init(
    _ device: any ComputeDevice, count: Int, _ elementType: ElementType = .f32, shift: Int = 0
  ) throws {
    let bytes = [UInt8](repeating: Self.pattern, count: count * elementType.byteCount)
    try self.init(device, bytes: bytes, elementType, shift: shift)
  }

  /// The elements as an operand.
  public var operand: Reduction.Operand { Reduction.Operand(memory, offset: offset) }

  /// The elements' bytes; throws where a guard was written.
  public func contents() async throws -> [UInt8] {
    let host = HostMemory(byteCount: memory.byteCount)
    try device.read(memory, at: 0, byteCount: memory.byteCount, into: host, at: 0)
    try await device.finish()
    let all = host.bytes
    let inside = offset * elementType.byteCount..<(offset + count) * elementType.byteCount
    let outside = [all.indices.lowerBound..<inside.lowerBound, inside.upperBound..<all.indices.upperBound].joined()
    for index in outside where all[index] != Self.pattern {
      throw StrayWrite(byte: index - inside.lowerBound, byteCount: inside.count)
    }
    return Array(all[inside])
  }

  /// A byte outside of its operand that was written.
  public struct StrayWrite: Error, Hashable {
    /// Counted from the operand's first byte.
    public let byte: Int
    /// Bytes of the operand.
    public let byteCount: Int
  }
}
