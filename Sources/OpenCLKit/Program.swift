// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// Compiled kernels for one device of a context.
public final class Program: Sendable {
  // Written once in `init`. Program calls are thread-safe; `clBuildProgram` runs in `init` only.
  nonisolated(unsafe) let handle: cl_program
  /// Keeps the context alive as long as the program.
  public let context: Context
  /// The device it was built for.
  public let device: Device

  /// Compiles OpenCL C for `device`.
  ///
  /// - Throws: `OpenCLError` whose detail is the compiler's log where the source does not build.
  public convenience init(
    context: Context, device: Device, source: String, options: String = ""
  ) throws(OpenCLError) {
    let source = Self.source(source, for: device)
    var length = source.utf8.count
    let handle = try checkedObject("clCreateProgramWithSource", device: device.name) { code in
      source.withCString { text in
        var list: UnsafePointer<CChar>? = text
        return clCreateProgramWithSource(context.handle, 1, &list, &length, code)
      }
    }
    try self.init(unbuilt: handle, context: context, device: device, options: options)
  }

  /// Takes over `handle` and builds it; releases it where the build fails.
  init(unbuilt handle: cl_program, context: Context, device: Device, options: String) throws(OpenCLError) {
    var target: cl_device_id? = device.handle
    let code = clBuildProgram(handle, 1, &target, options, nil, nil)
    if code != CL_SUCCESS {
      defer { clReleaseProgram(handle) }
      let log = try? infoString("clGetProgramBuildInfo", device: device.name) {
        clGetProgramBuildInfo(handle, device.handle, cl_program_build_info(CL_PROGRAM_BUILD_LOG), $0, $1, $2)
      }
      throw OpenCLError(
        call: "clBuildProgram", status: OpenCLStatus(rawValue: code), device: device.name,
        detail: "options: \(options)\n\(log ?? "no build log")")
    }
    self.context = context
    self.device = device
    self.handle = handle
  }

  deinit { clReleaseProgram(handle) }
}
