// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute

/// Devices for tests.
public enum TestDevices {
  /// The first OpenCL device of any kind; nil without a driver.
  public static func firstDevice() throws -> Device? { try Platform.all().flatMap { try $0.devices() }.first }

  /// That device, opened alone, for its own kernels or those of another kind of device.
  public static func openCL(_ architecture: Capabilities.Architecture? = nil) throws -> OpenCLDevice? {
    guard let device = try firstDevice() else { return nil }
    return try OpenCLDevice(
      selector: "test", device: device, context: Context(devices: [device]), cache: ProgramCache(),
      architecture: architecture)
  }
}
