// SPDX-License-Identifier: Apache-2.0

/// A choice of devices that cannot be met.
public enum DeviceError: Error, Hashable, Sendable {
  /// Text that is no list of selectors; `position` counts characters from 1.
  case invalidSelector(text: String, position: Int, expected: String)
  /// A selector that names nothing here; `available` are the selectors that would.
  case noSuchDevice(selector: String, available: [String])
  /// More parts of a device than it can be cut into.
  case tooManyParts(selector: String, parts: Int, device: String, limit: Int)
  /// No OpenCL driver, or none that shows a device.
  case noDevices
}

extension DeviceError: CustomStringConvertible {
  /// What was asked, what is possible, what to do.
  public var description: String {
    switch self {
    case .invalidSelector(let text, let position, let expected):
      "devices \"\(text)\", character \(position): expected \(expected)"
    case .noSuchDevice(let selector, let available):
      "no device \"\(selector)\"; there are: \(available.joined(separator: ", "))"
    case .tooManyParts(let selector, let parts, let device, let limit):
      "\(selector) asks for \(parts) parts of \(device), which can be cut into \(limit) at most"
    case .noDevices:
      "no OpenCL driver shows a device: install one (on Debian and Ubuntu: apt install pocl-opencl-icd), "
        + "or select \"host\", which computes on the CPU without OpenCL"
    }
  }
}
