// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCL
import ShardCompute

/// The device that figures are from, and what they depend on there.
package struct DeviceSettings {
  package let device: any ComputeDevice
  /// Platform and driver version; empty for the CPU fallback.
  package let driver: String
  package let areThreadsPinned: Bool

  /// Opens the first device that `selector` names. Threads of OpenBLAS and PyTorch may spin and so keep their cores;
  /// PoCL's, which sleep between commands, are pinned to theirs.
  package init(opening selector: String) throws {
    areThreadsPinned = DriverEnvironment.pinPoCLThreads()
    guard let device = try DeviceCatalog.open(selector).first else { throw BenchmarkError("no device \(selector)") }
    self.device = device
    let opened = (device as? OpenCLDevice)?.device
    driver = try opened.map { "\($0.platform.name) \(try $0.driverVersion)" } ?? ""
  }

  /// The line above a table.
  package var line: String {
    "# device: \(device.selector), \(device.name)" + (driver.isEmpty ? "" : ", \(driver)")
  }

  /// How PoCL's threads run.
  package var pinning: String { "PoCL's threads \(areThreadsPinned ? "pinned" : "not pinned")" }
}
