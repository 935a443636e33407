// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// A device of a platform, or a part of one ("sub-device").
public final class Device: Sendable {
  // Written once in `init`. OpenCL calls that take a device are thread-safe.
  nonisolated(unsafe) let handle: cl_device_id
  /// The driver that runs the device.
  public let platform: Platform
  /// The device this one is a part of; keeps it alive.
  public let parent: Device?
  /// What the driver calls the device.
  public let name: String
  /// CPU, GPU, accelerator or a mixture.
  public let kind: Kind

  init(handle: cl_device_id, platform: Platform, parent: Device?) throws(OpenCLError) {
    name = try infoString("clGetDeviceInfo") { clGetDeviceInfo(handle, cl_device_info(CL_DEVICE_NAME), $0, $1, $2) }
    kind = Kind(
      rawValue: try infoValue("clGetDeviceInfo", default: cl_device_type(0)) {
        clGetDeviceInfo(handle, cl_device_info(CL_DEVICE_TYPE), $0, $1, $2)
      })
    self.platform = platform
    self.parent = parent
    self.handle = handle
  }

  /// The device that this one is a part of, or itself.
  public var whole: Device { parent?.whole ?? self }

  /// The same for all objects that stand for one device of a driver, as long as the process lives for whole devices.
  package var identifier: Int { Int(bitPattern: handle) }

  deinit {
    // Only sub-devices are counted; releasing a root device does nothing.
    if parent != nil { clReleaseDevice(handle) }
  }

  /// Kinds of device, as `cl_device_type` has them.
  public struct Kind: OptionSet, Hashable, Sendable {
    /// The bits of `cl_device_type`.
    public let rawValue: UInt64
    /// Wraps the bits of `cl_device_type`.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The host's processors.
    public static let cpu = Kind(rawValue: UInt64(CL_DEVICE_TYPE_CPU))
    /// A graphics processor.
    public static let gpu = Kind(rawValue: UInt64(CL_DEVICE_TYPE_GPU))
    /// Any other processor made for computing.
    public static let accelerator = Kind(rawValue: UInt64(CL_DEVICE_TYPE_ACCELERATOR))
    /// Whatever the platform has.
    public static let all = Kind(rawValue: UInt64(CL_DEVICE_TYPE_ALL))
  }
}
