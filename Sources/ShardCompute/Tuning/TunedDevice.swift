// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit

/// What a measurement depends on, as far as a driver tells: equal devices share their parameters.
///
/// Files that ship with the library name several devices: there `name` may hold `*`, and what is nil matches all.
package struct TunedDevice: Hashable, Sendable, Codable {
  /// What the driver calls the device.
  package let name: String
  /// What the driver calls its platform.
  package let platform: String?
  /// The driver's version, since a new compiler may want other parameters.
  package let driver: String?
  /// Compute units: half a device is a device of its own.
  package let units: Int?

  package init(name: String, platform: String? = nil, driver: String? = nil, units: Int? = nil) {
    (self.name, self.platform, self.driver, self.units) = (name, platform, driver, units)
  }

  /// Asks the driver.
  init(_ device: Device) throws(OpenCLError) {
    self.init(
      name: device.name, platform: device.platform.name, driver: try device.driverVersion,
      units: try device.computeUnits)
  }

  /// Whether `device` is one of those that this names.
  func matches(_ device: TunedDevice) -> Bool {
    fnmatch(name, device.name, 0) == 0 && (platform == nil || platform == device.platform)
      && (driver == nil || driver == device.driver) && (units == nil || units == device.units)
  }

  /// A file name: the device's in plain letters, and a hash of everything.
  var fileName: String {
    let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    let slug = String(words.joined(separator: "-").prefix(48))
    let identity = [name, platform ?? "", driver ?? "", units.map(String.init) ?? ""].joined(separator: "\0")
    // FNV-1a, 32 bits: tells apart what has the same letters.
    let hash = identity.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    return "\(slug.isEmpty ? "device" : slug)-\(String(format: "%08x", hash)).json"
  }
}

extension OpenCLDevice {
  /// What its measurements are kept under.
  package func identity() throws -> TunedDevice { try TunedDevice(device) }
}
