// SPDX-License-Identifier: Apache-2.0
import COpenCL

extension Device {
  /// Cuts the device into `count` parts of equally many compute units each (`CL_DEVICE_PARTITION_EQUALLY`).
  ///
  /// Units that do not divide evenly stay idle; one part is the device itself.
  /// - Throws: `OpenCLError` with `CL_INVALID_VALUE` for no parts or more parts than units, or the driver's code where
  ///   it cannot cut the device.
  public func partition(into count: Int) throws(OpenCLError) -> [Device] {
    let units = try computeUnits
    guard count >= 1, count <= units else {
      throw OpenCLError(
        call: "clCreateSubDevices", status: .invalidValue, device: name,
        detail: "\(count) sub-devices asked for; the device has \(units) compute units")
    }
    if count == 1 { return [self] }
    var properties: [cl_device_partition_property] = [
      cl_device_partition_property(CL_DEVICE_PARTITION_EQUALLY), units / count, 0,
    ]
    var made: cl_uint = 0
    let detail = "\(count) parts of \(units / count) compute units"
    try check(
      clCreateSubDevices(handle, &properties, 0, nil, &made), "clCreateSubDevices", device: name, detail: detail)
    var handles = [cl_device_id?](repeating: nil, count: Int(made))
    try check(
      clCreateSubDevices(handle, &properties, made, &handles, nil), "clCreateSubDevices", device: name, detail: detail)
    var parts: [Device] = []
    for case let part? in handles { parts.append(try Device(handle: part, platform: platform, parent: self)) }
    // Units that do not divide evenly make one part more than was asked for.
    guard parts.count >= count else {
      throw OpenCLError(
        call: "clCreateSubDevices", status: .invalidValue, device: name,
        detail: "\(detail) asked for, \(parts.count) made")
    }
    return Array(parts.prefix(count))
  }
}
