// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute

/// Devices for tests.
public enum TestDevices {
  /// The first OpenCL device of any kind, opened alone; nil without a driver.
  public static func openCL() throws -> OpenCLDevice? {
    guard let device = try Platform.all().lazy.flatMap({ try $0.devices() }).first else { return nil }
    return try OpenCLDevice(
      selector: "test", device: device, context: Context(devices: [device]), cache: ProgramCache(folder: nil))
  }
}
