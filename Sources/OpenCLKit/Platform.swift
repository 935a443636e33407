// SPDX-License-Identifier: Apache-2.0
import COpenCL
import Synchronization

/// One OpenCL driver ("platform") that the loader found.
public struct Platform: Sendable {
  // A platform is never released; its handle is valid as long as the process lives.
  nonisolated(unsafe) let handle: cl_platform_id

  /// Whether the driver is PoCL, http://portablecl.org.
  public var isPoCL: Bool { name == "Portable Computing Language" }
  /// What the driver calls itself, such as `Portable Computing Language`.
  public let name: String
  /// Who made the driver.
  public let vendor: String
  /// `OpenCL 3.0 PoCL 3.1 …`.
  public let version: String
  /// Extensions of the platform.
  public let extensions: Set<String>

  init(handle: cl_platform_id) throws(OpenCLError) {
    func text(_ parameter: Int32) throws(OpenCLError) -> String {
      try infoString("clGetPlatformInfo") { clGetPlatformInfo(handle, cl_platform_info(parameter), $0, $1, $2) }
    }
    self.handle = handle
    name = try text(CL_PLATFORM_NAME)
    vendor = try text(CL_PLATFORM_VENDOR)
    version = try text(CL_PLATFORM_VERSION)
    extensions = Set(try text(CL_PLATFORM_EXTENSIONS).split(separator: " ").map(String.init))
  }

  /// Drivers set themselves up in the first listing, and PoCL 3.1 shows no device to a second thread meanwhile.
  private static let listing = Mutex<Void>(())

  /// Every platform, in the loader's order; none, rather than an error, where no driver is installed.
  public static func all() throws(OpenCLError) -> [Platform] {
    try listing.withLock { _ in Result { () throws(OpenCLError) in try list() } }.get()
  }

  private static func list() throws(OpenCLError) -> [Platform] {
    var count: cl_uint = 0
    let code = clGetPlatformIDs(0, nil, &count)
    if code == OpenCLStatus.platformNotFound.rawValue { return [] }
    try check(code, "clGetPlatformIDs")
    guard count > 0 else { return [] }
    var handles = [cl_platform_id?](repeating: nil, count: Int(count))
    try check(clGetPlatformIDs(count, &handles, nil), "clGetPlatformIDs")
    var platforms: [Platform] = []
    for case let handle? in handles { platforms.append(try Platform(handle: handle)) }
    return platforms
  }

  /// The devices of `kind`, in the driver's order; empty where there is none.
  public func devices(_ kind: Device.Kind = .all) throws(OpenCLError) -> [Device] {
    try Self.listing.withLock { _ in Result { () throws(OpenCLError) in try list(kind) } }.get()
  }

  private func list(_ kind: Device.Kind) throws(OpenCLError) -> [Device] {
    var count: cl_uint = 0
    let code = clGetDeviceIDs(handle, kind.rawValue, 0, nil, &count)
    if code == OpenCLStatus.deviceNotFound.rawValue { return [] }
    try check(code, "clGetDeviceIDs", detail: "platform \(name)")
    guard count > 0 else { return [] }
    var handles = [cl_device_id?](repeating: nil, count: Int(count))
    try check(clGetDeviceIDs(handle, kind.rawValue, count, &handles, nil), "clGetDeviceIDs", detail: "platform \(name)")
    var devices: [Device] = []
    for case let handle? in handles { devices.append(try Device(handle: handle, platform: self, parent: nil)) }
    return devices
  }
}
