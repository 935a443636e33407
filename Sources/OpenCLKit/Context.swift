// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// Devices of one platform that can see each other's buffers.
public final class Context: Sendable {
  // Written once in `init`. Retain, release and every call that takes a context are thread-safe.
  nonisolated(unsafe) let handle: cl_context
  /// The devices, in the order given.
  public let devices: [Device]

  /// A context over `devices`, which must all be of one platform.
  ///
  /// - Throws: `OpenCLError`, with `CL_INVALID_VALUE` for no devices.
  public init(devices: [Device]) throws(OpenCLError) {
    var handles = devices.map { Optional($0.handle) }
    let names = devices.map(\.name).joined(separator: ", ")
    self.devices = devices
    handle = try checkedObject("clCreateContext", device: names) {
      clCreateContext(nil, cl_uint(handles.count), &handles, nil, nil, $0)
    }
  }

  deinit { clReleaseContext(handle) }
}
