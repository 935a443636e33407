// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute
import Synchronization

/// Devices for tests, made once in a process.
public enum TestDevices {
  /// What the ranks of a test run on.
  public enum Kind: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// The CPU fallback, one thread each.
    case host
    /// Sub-devices of the first OpenCL CPU device, in one context.
    case context
    /// By turns an OpenCL device of each platform, each in a context of its own, and the CPU fallback.
    case mixed

    /// The kind's name.
    public var description: String { rawValue }
  }

  /// The kinds that this machine has.
  public static let kinds: [Kind] = cpuDevice == nil ? [.host] : Kind.allCases

  /// The first OpenCL CPU device, or where there is none the first of any kind.
  public static let cpuDevice: Device? = {
    let devices = (try? Platform.all().flatMap { try $0.devices() }) ?? []
    return devices.first { $0.kind.contains(.cpu) } ?? devices.first
  }()

  /// The first OpenCL device of any kind; nil without a driver.
  public static func firstDevice() throws -> Device? { try Platform.all().flatMap { try $0.devices() }.first }

  /// That device, opened alone, for its own kernels or those of another kind of device or width of vectors.
  public static func openCL(
    _ architecture: Capabilities.Architecture? = nil, vectorWidth: Int? = nil,
    maximumAllocationByteCount: Int = .max, emulatesInstructions: Bool = false
  ) throws -> OpenCLDevice? {
    guard let device = try firstDevice() else { return nil }
    return try OpenCLDevice(
      selector: "test", device: device, context: Context(devices: [device]), cache: ProgramCache(),
      architecture: architecture, vectorWidth: vectorWidth, maximumAllocationByteCount: maximumAllocationByteCount,
      emulatesInstructions: emulatesInstructions)
  }

  /// Devices for `count` ranks, up to eight; the same ones at each call, so that kernels are built once.
  public static func ranks(_ count: Int, _ kind: Kind) throws -> [any ComputeDevice] {
    guard (0...8).contains(count) else { throw ComputeError.unsupported("\(count) ranks; tests have 0 to 8") }
    return try made.withLock { made in
      let devices = try made[kind] ?? make(8, kind)
      made[kind] = devices
      return Array(devices.prefix(count))
    }
  }

  /// `count` OpenCL devices of one context: sub-devices, which share compute units where there are too few.
  public static func oneContext(_ count: Int) throws -> [OpenCLDevice] {
    guard let device = cpuDevice else { throw ComputeError.unsupported("no OpenCL device on this machine") }
    let parts = (try? device.partition(into: max(1, min(count, device.computeUnits)))) ?? [device]
    let context = try Context(devices: parts)
    return try (0..<count).map { rank in
      try OpenCLDevice(
        selector: "test:0/\(count).\(rank)", device: parts[rank % parts.count], context: context, cache: ProgramCache())
    }
  }

  private static let made = Mutex<[Kind: [any ComputeDevice]]>([:])

  private static func make(_ count: Int, _ kind: Kind) throws -> [any ComputeDevice] {
    switch kind {
    case .host: return (0..<count).map { HostDevice(selector: "host.\($0)", workers: 1) }
    case .context: return try oneContext(count)
    case .mixed:
      let devices = try Platform.all().compactMap { try $0.devices().first }
      return try (0..<count).map { rank in
        let turn = rank % (devices.count + 1)
        guard turn < devices.count else { return HostDevice(selector: "host.\(rank)", workers: 1) }
        return try OpenCLDevice(
          selector: "test:\(turn).\(rank)", device: devices[turn], context: Context(devices: [devices[turn]]),
          cache: ProgramCache())
      }
    }
  }
}
