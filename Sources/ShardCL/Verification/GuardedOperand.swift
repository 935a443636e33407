// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Device memory for some elements with bytes around it that nobody may write.
struct GuardedOperand: Sendable {
  let device: any ComputeDevice
  let memory: DeviceMemory
  let elementType: ElementType
  let count: Int
  private static let guardByteCount = 64
  private static let pattern: UInt8 = 0xa5

  /// Memory of `device` with `values`; without them `count` elements of the guards' pattern.
  init(_ device: any ComputeDevice, _ values: [Float]? = nil, count: Int, as elementType: ElementType = .f32) throws {
    let inside = count * elementType.byteCount
    let bytes = HostMemory([UInt8](repeating: Self.pattern, count: inside + 2 * Self.guardByteCount))
    if let values {
      HostMemory(values, as: elementType).withBytes { source in
        bytes.withMutableBytes { target in
          UnsafeMutableRawBufferPointer(rebasing: target[Self.guardByteCount..<Self.guardByteCount + inside])
            .copyMemory(from: source)
        }
      }
    }
    self.device = device
    self.elementType = elementType
    self.count = count
    memory = try device.upload(bytes)
  }

  /// The first element, in elements.
  var offset: Int { Self.guardByteCount / elementType.byteCount }

  /// Elements from `start` on.
  func operand(at start: Int = 0) -> Reduction.Operand { Reduction.Operand(memory, offset: offset + start) }

  /// The elements' bytes, and how many bytes around them were written.
  func contents() async throws -> (elements: HostMemory, strayBytes: Int) {
    let all = try await device.download(memory, as: UInt8.self)
    let inside = Self.guardByteCount..<all.count - Self.guardByteCount
    let stray = all.indices.count { !inside.contains($0) && all[$0] != Self.pattern }
    return (HostMemory(Array(all[inside])), stray)
  }
}
