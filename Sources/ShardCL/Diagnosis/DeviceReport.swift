// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute

/// A device as `shardcl devices` lists it. A null is something that the driver does not say.
public struct DeviceReport: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// What `--devices` calls it.
  public let selector: String
  /// What the driver calls its platform.
  public let platform: String
  /// What the driver calls the device.
  public let name: String
  /// `cpu`, `gpu`, `accelerator` or `host`.
  public let kind: String
  /// Compute units; cores of a CPU.
  public let units: Int
  /// Device memory in bytes.
  public let memoryBytes: Int
  /// The largest single buffer in bytes.
  public let largestAllocationBytes: Int
  /// Floats in a native vector.
  public let vectorWidth: Int
  /// The most parts that the device can be cut into; 1 where it cannot.
  public let parts: Int
  /// The driver's own version; null for `host`.
  public let driver: String?
  /// The version of OpenCL; null for `host`.
  public let version: String?
  /// Extensions that make a difference here.
  public let extensions: [String]
  /// The selector of an earlier device that is the same chip through another driver.
  public let sameChipAs: String?
  /// Why the library's kernels cannot run on it; null where they can.
  public let refusal: String?

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey {
    case schema, selector, platform, name, kind, units, parts, driver, version, extensions, refusal
    case memoryBytes = "memory_bytes"
    case largestAllocationBytes = "largest_allocation_bytes"
    case vectorWidth = "vector_width"
    case sameChipAs = "same_chip_as"
  }

  /// Extensions that kernels, collectives or the recognition of chips can use.
  public static let extensionsThatMatter = [
    "cl_khr_fp16", "cl_khr_subgroups", "cl_khr_integer_dot_product", "cl_khr_device_uuid", "cl_khr_command_buffer",
    "cl_khr_il_program", "cl_khr_external_memory", "cl_khr_pci_bus_info",
  ]

  private static let schemaName = "shardcl.device/1"

  /// Asks the driver of `entry`.
  ///
  /// - Throws: `OpenCLError`.
  public init(_ entry: DeviceCatalog.Entry) throws {
    let (device, description) = (entry.device, entry.description)
    schema = Self.schemaName
    selector = description.selector
    platform = device.platform.name
    name = device.name
    kind = device.kind.contains(.cpu) ? "cpu" : device.kind.contains(.gpu) ? "gpu" : "accelerator"
    units = description.computeUnits
    memoryBytes = description.memoryByteCount
    largestAllocationBytes = try device.maximumAllocationByteCount
    vectorWidth = try device.nativeFloatVectorWidth
    parts = max(1, min(description.computeUnits, description.maximumSubDevices))
    driver = try device.driverVersion
    version = try device.version
    let all = try device.extensions
    extensions = Self.extensionsThatMatter.filter(all.contains)
    sameChipAs = entry.sameChipAs
    refusal =
      if try !device.isAvailable {
        "not available"
      } else if try !device.hasCompiler {
        "no compiler"
      } else {
        nil
      }
  }

  /// The CPU fallback, which is always there.
  public init(_ host: HostDevice) {
    schema = Self.schemaName
    selector = host.selector
    platform = "–"
    name = host.name
    kind = "host"
    units = host.capabilities.computeUnits
    memoryBytes = host.capabilities.memoryByteCount
    largestAllocationBytes = host.capabilities.maximumAllocationByteCount
    vectorWidth = host.capabilities.vectorWidth
    parts = DeviceSelector.maximumParts
    driver = nil
    version = nil
    extensions = []
    sameChipAs = nil
    refusal = nil
  }
}
