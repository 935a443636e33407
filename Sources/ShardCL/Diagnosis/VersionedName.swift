// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute

extension ComputeDevice {
  /// The device's name with its driver's version, for the head of a report.
  public var versionedName: String {
    guard let openCL = self as? OpenCLDevice else { return name }
    let platform = openCL.device.platform
    let driver = (try? openCL.device.driverVersion) ?? "?"
    let units = openCL.capabilities.computeUnits
    return "\(name), \(units) \(units == 1 ? "unit" : "units"), \(platform.name) \(driver)"
  }
}
