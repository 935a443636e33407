// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// What is known of an OpenCL device before it is opened.
public struct DeviceDescription: Hashable, Sendable {
  /// The platform's short name, such as `pocl`.
  public let platform: String
  /// Position among the platform's devices.
  public let index: Int
  /// What the driver calls the device.
  public let name: String
  /// CPU, GPU or accelerator.
  public let kind: Device.Kind
  /// Compute units; cores of a CPU.
  public let computeUnits: Int
  /// Device memory in bytes.
  public let memoryByteCount: Int
  /// The most parts that the device can be cut into; 0 where it cannot.
  public let maximumSubDevices: Int
  /// 16 bytes that name the chip, nil where the driver does not say.
  public let uuid: [UInt8]?

  /// What `--devices` calls it.
  public var selector: String { "\(platform):\(index)" }

  /// Describes a device.
  public init(
    platform: String, index: Int, name: String, kind: Device.Kind, computeUnits: Int, memoryByteCount: Int,
    maximumSubDevices: Int, uuid: [UInt8]? = nil
  ) {
    self.platform = platform
    self.index = index
    self.name = name
    self.kind = kind
    self.computeUnits = computeUnits
    self.memoryByteCount = memoryByteCount
    self.maximumSubDevices = maximumSubDevices
    self.uuid = uuid
  }

  /// Whether two drivers, as far as they tell, show the same chip.
  public func isSameChip(as other: DeviceDescription) -> Bool {
    if let uuid, let theirs = other.uuid { return uuid == theirs }
    // Two equal cards behind one driver are two chips.
    guard platform != other.platform else { return index == other.index }
    // A CPU device is the processor that runs the host program.
    if kind.contains(.cpu), other.kind.contains(.cpu) { return true }
    return name == other.name && memoryByteCount == other.memoryByteCount && computeUnits == other.computeUnits
  }
}

extension DeviceSelector {
  /// The positions in `devices` that are selected, in their order; a group never has one chip twice.
  ///
  /// - Throws: `DeviceError` where there is none, or one that cannot be cut as asked.
  func positions(in devices: [DeviceDescription]) throws -> [Int] {
    guard source != .host else { return [] }
    guard !devices.isEmpty else { throw DeviceError.noDevices }
    let selected =
      switch source {
      case .host: [Int]()
      case .cpu: Self.chips(of: devices) { $0.kind.contains(.cpu) }
      case .gpu: Self.chips(of: devices) { $0.kind.contains(.gpu) }
      case .all:
        if devices.contains(where: { !$0.kind.contains(.cpu) }) {
          Self.chips(of: devices) { !$0.kind.contains(.cpu) }
        } else {
          Self.chips(of: devices) { _ in true }
        }
      case .device(let platform, let index):
        devices.indices.filter { devices[$0].platform == platform && devices[$0].index == index }
      }
    guard !selected.isEmpty else {
      let groups = [("gpu", Device.Kind.gpu), ("cpu", .cpu)].filter { group in
        devices.contains { $0.kind.contains(group.1) }
      }
      throw DeviceError.noSuchDevice(
        selector: "\(self)", available: devices.map(\.selector) + ["all"] + groups.map(\.0) + ["host"])
    }
    for device in selected.map({ devices[$0] }) where parts > 1 {
      let limit = max(1, min(device.computeUnits, device.maximumSubDevices))
      guard parts <= limit else {
        throw DeviceError.tooManyParts(
          selector: "\(self)", parts: parts, device: "\(device.selector) (\(device.name))", limit: limit)
      }
    }
    return selected
  }

  /// The devices that are `wanted`, each chip through the first driver that shows it.
  private static func chips(of devices: [DeviceDescription], _ wanted: (DeviceDescription) -> Bool) -> [Int] {
    devices.indices.reduce(into: []) { chosen, position in
      let device = devices[position]
      if wanted(device), !chosen.contains(where: { devices[$0].isSameChip(as: device) }) { chosen.append(position) }
    }
  }
}
