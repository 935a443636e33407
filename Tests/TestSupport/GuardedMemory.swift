// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Device memory for `count` elements with bytes around it that nobody may write.
public struct GuardedMemory: Sendable {
  public let device: any ComputeDevice
  public let memory: DeviceMemory
  public let elementType: ElementType
  public let count: Int
  /// The first element, in elements.
  public let offset: Int

  private static let guardByteCount = 64
  private static let pattern: UInt8 = 0xa5

  /// Memory of `device` with `values`; it begins `shift` elements past a 64-byte border.
  public init(
    _ device: any ComputeDevice, _ values: [Float], _ elementType: ElementType = .f32, shift: Int = 0
  ) throws {
    try self.init(device, bytes: elementType.encode(values), count: values.count, elementType, shift: shift)
  }

  /// Memory of `device` for `count` elements, set to the pattern of the guards (a strange value, not a NaN).
  public init(
    _ device: any ComputeDevice, count: Int, _ elementType: ElementType = .f32, shift: Int = 0
  ) throws {
    let bytes = [UInt8](repeating: Self.pattern, count: count * elementType.byteCount)
    try self.init(device, bytes: bytes, count: count, elementType, shift: shift)
  }

  private init(
    _ device: any ComputeDevice, bytes: [UInt8], count: Int, _ elementType: ElementType, shift: Int
  ) throws {
    self.device = device
    self.elementType = elementType
    self.count = count
    offset = Self.guardByteCount / elementType.byteCount + shift
    let before = [UInt8](repeating: Self.pattern, count: offset * elementType.byteCount)
    let after = [UInt8](repeating: Self.pattern, count: Self.guardByteCount)
    memory = try device.upload(before + bytes + after)
  }

  /// The elements as an operand.
  public var operand: Reduction.Operand { Reduction.Operand(memory, offset: offset) }

  /// The elements' bytes; throws where a guard was written.
  public func contents() async throws -> [UInt8] {
    let all = try await device.download(memory, as: UInt8.self)
    let inside = offset * elementType.byteCount..<(offset + count) * elementType.byteCount
    for index in all.indices where !inside.contains(index) && all[index] != Self.pattern {
      throw StrayWrite(byte: index - inside.lowerBound, byteCount: inside.count)
    }
    return Array(all[inside])
  }

  /// A byte outside of its operand that was written.
  public struct StrayWrite: Error, Hashable {
    /// Counted from the operand's first byte.
    public let byte: Int
    public let byteCount: Int
  }
}
