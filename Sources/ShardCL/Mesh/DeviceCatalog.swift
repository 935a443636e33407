// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import ShardCompute

/// The OpenCL devices of this machine under the names that selectors use.
///
/// ```swift
/// let devices = try DeviceCatalog.open("pocl:0/2,intel:0")
/// ```
public struct DeviceCatalog: Sendable {
  /// A device of a driver.
  public struct Entry: Sendable {
    /// What is known of it.
    public let description: DeviceDescription
    /// The device.
    public let device: Device
    /// The selector of an earlier entry that is the same chip through another driver.
    public let sameChipAs: String?
  }

  /// A driver whose devices could not be listed.
  public struct Failure: Sendable {
    /// The platform's short name.
    public let platform: String
    /// What its driver said.
    public let error: OpenCLError
  }

  /// The environment variable that selects devices where nothing else does.
  public static let environmentVariable = "SHARDCL_DEVICES"

  /// All devices, platform by platform in the loader's order.
  public let entries: [Entry]
  /// Drivers that failed; the others' devices can be used all the same.
  public let failures: [Failure]

  /// Asks every driver for its devices.
  ///
  /// - Throws: `OpenCLError` where the loader fails; no driver at all is an empty catalog.
  public init() throws {
    var entries: [Entry] = []
    var failures: [Failure] = []
    var names: Set<String> = []
    for platform in try Platform.all() {
      let name = Self.shortName(of: platform.name, taken: names)
      names.insert(name)
      do throws(OpenCLError) {
        for (index, device) in try platform.devices().enumerated() {
          let description = try DeviceDescription(device, platform: name, index: index)
          let twin = entries.first { $0.description.isSameChip(as: description) }
          entries.append(
            Entry(description: description, device: device, sameChipAs: twin?.description.selector))
        }
      } catch {
        failures.append(Failure(platform: name, error: error))
      }
    }
    self.entries = entries
    self.failures = failures
  }

  /// Opens the devices that `text` selects, in its order; without it what `SHARDCL_DEVICES` selects, else `all`.
  ///
  /// OpenCL is not touched where only `host` is selected.
  /// - Throws: `DeviceError`; the driver's error. Never fewer devices than were asked for.
  public static func open(_ text: String? = nil, cache: ProgramCache = ProgramCache()) throws -> [any ComputeDevice] {
    let environment = ProcessInfo.processInfo.environment[environmentVariable].flatMap { $0.isEmpty ? nil : $0 }
    let selectors = try DeviceSelector.parse(text ?? environment ?? "all")
    if selectors.allSatisfy({ $0.source == .host }) { return selectors.flatMap(hostDevices) }
    return try DeviceCatalog().open(selectors, cache: cache)
  }

  /// Opens devices in the order of `selectors`, with one context for all of a platform, so that they share memory.
  ///
  /// - Throws: `DeviceError`; `ComputeError.unsupported` for a device that cannot run the kernels; the driver's error.
  public func open(
    _ selectors: [DeviceSelector], cache: ProgramCache = ProgramCache()
  ) throws -> [any ComputeDevice] {
    if entries.isEmpty, let failure = failures.first { throw failure.error }
    let ranks = try selectors.flatMap { selector -> [PlannedRank] in
      if selector.source == .host { return Self.hostDevices(selector).map(PlannedRank.host) }
      return try selector.positions(in: entries.map(\.description)).flatMap { try parts(of: entries[$0], selector) }
    }
    var members: [String: [Device]] = [:]
    for case .openCL(let platform, _, let device) in ranks {
      if members[platform, default: []].contains(where: { $0 === device }) { continue }
      members[platform, default: []].append(device)
    }
    let contexts = try members.mapValues { try Context(devices: $0) }
    return try ranks.map { rank in
      switch rank {
      case .host(let device): return device
      case .openCL(let platform, let selector, let device):
        guard let context = contexts[platform] else { preconditionFailure("a context for each platform in use") }
        return try OpenCLDevice(selector: selector, device: device, context: context, cache: cache)
      }
    }
  }

  private enum PlannedRank {
    case host(any ComputeDevice)
    case openCL(platform: String, selector: String, Device)
  }

  private func parts(of entry: Entry, _ selector: DeviceSelector) throws -> [PlannedRank] {
    let name = entry.description.selector
    let whole = try entry.device.partition(into: selector.parts)
    return whole.enumerated().filter { selector.part == nil || selector.part == $0.offset }.map { index, device in
      .openCL(
        platform: entry.description.platform, selector: whole.count > 1 ? "\(name)/\(whole.count).\(index)" : name,
        device)
    }
  }

  /// Ranks of the CPU fallback; each gets an equal share of the cores, and at least one.
  private static func hostDevices(_ selector: DeviceSelector) -> [any ComputeDevice] {
    guard selector.parts > 1 else { return [HostDevice()] }
    let workers = max(1, ProcessInfo.processInfo.activeProcessorCount / selector.parts)
    let parts = selector.part.map { $0..<$0 + 1 } ?? 0..<selector.parts
    return parts.map { HostDevice(selector: "host/\(selector.parts).\($0)", workers: workers) }
  }

  /// A word for a platform: that of its maker where known, else its name in plain letters; numbered from the second on.
  static func shortName(of name: String, taken: Set<String>) -> String {
    let known = [
      ("portable computing language", "pocl"), ("pocl", "pocl"), ("rusticl", "mesa"), ("clover", "mesa"),
      ("nvidia", "nvidia"), ("intel", "intel"), ("amd", "amd"), ("advanced micro devices", "amd"), ("apple", "apple"),
    ]
    let text = name.lowercased()
    let words = text.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    let plain = words.isEmpty ? "platform" : words.joined(separator: "-")
    let short = known.first { text.contains($0.0) }?.1 ?? plain
    var candidate = short
    var number = 2
    while taken.contains(candidate) {
      candidate = "\(short)-\(number)"
      number += 1
    }
    return candidate
  }
}

extension DeviceDescription {
  /// Asks the driver.
  fileprivate init(_ device: Device, platform: String, index: Int) throws(OpenCLError) {
    self.init(
      platform: platform, index: index, name: device.name, kind: device.kind,
      computeUnits: try device.computeUnits, memoryByteCount: try device.globalMemoryByteCount,
      maximumSubDevices: try device.maximumSubDevices, uuid: device.uuid)
  }
}
