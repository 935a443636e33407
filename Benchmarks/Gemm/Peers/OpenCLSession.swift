// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import CCLBlast
import ShardCompute

/// A device with a context and a queue, for as long as the process runs; just enough for a peer that wants raw handles.
final class OpenCLSession {
  let device: cl_device_id
  let context: cl_context
  let queue: cl_command_queue

  /// The device that ShardCL has opened, by the names that its driver has for it.
  init(_ opened: OpenCLDevice) throws {
    let (name, driver) = (opened.name, try opened.device.driverVersion)
    let found = try Self.devices().first {
      Self.info(CL_DEVICE_NAME, of: $0) == name && Self.info(CL_DRIVER_VERSION, of: $0) == driver
    }
    guard let found else { throw BenchmarkError("no OpenCL device \(name) of driver \(driver)") }
    var device: cl_device_id? = found
    var status: cl_int = 0
    guard let context = clCreateContext(nil, 1, &device, nil, nil, &status),
      let queue = benchmark_queue(context, found, &status)
    else { throw BenchmarkError("clCreateContext or clCreateCommandQueue", status) }
    (self.device, self.context, self.queue) = (found, context, queue)
  }

  private static func devices() throws -> [cl_device_id] {
    var platformCount: cl_uint = 0
    guard clGetPlatformIDs(0, nil, &platformCount) == CL_SUCCESS, platformCount > 0 else { return [] }
    var platforms = [cl_platform_id?](repeating: nil, count: Int(platformCount))
    try check("clGetPlatformIDs", clGetPlatformIDs(platformCount, &platforms, nil))
    return platforms.flatMap { platform -> [cl_device_id] in
      var count: cl_uint = 0
      let all = cl_device_type(CL_DEVICE_TYPE_ALL)
      guard clGetDeviceIDs(platform, all, 0, nil, &count) == CL_SUCCESS, count > 0 else { return [] }
      var devices = [cl_device_id?](repeating: nil, count: Int(count))
      guard clGetDeviceIDs(platform, all, count, &devices, nil) == CL_SUCCESS else { return [] }
      return devices.compactMap { $0 }
    }
  }

  /// A text that the driver tells about the device, such as `CL_DEVICE_NAME`.
  func info(_ parameter: Int32) -> String { Self.info(parameter, of: device) }

  private static func info(_ parameter: Int32, of device: cl_device_id) -> String {
    var text = [UInt8](repeating: 0, count: 1024)
    var count = 0
    guard clGetDeviceInfo(device, cl_device_info(parameter), text.count, &text, &count) == CL_SUCCESS else {
      return "?"
    }
    return String(decoding: text.prefix(max(count - 1, 0)), as: UTF8.self)
  }

  func buffer(_ values: HostMemory) throws -> DeviceArray { try DeviceArray(values, in: self) }

  func finish() throws { try check("clFinish", clFinish(queue)) }
}

/// A block of device memory.
final class DeviceArray {
  let memory: cl_mem
  private let byteCount: Int
  private let session: OpenCLSession

  init(_ values: HostMemory, in session: OpenCLSession) throws {
    var status: cl_int = 0
    let flags = cl_mem_flags(CL_MEM_READ_WRITE)
    guard let memory = clCreateBuffer(session.context, flags, values.byteCount, nil, &status) else {
      throw BenchmarkError("clCreateBuffer of \(values.byteCount) bytes", status)
    }
    (self.memory, self.session, byteCount) = (memory, session, values.byteCount)
    status = values.withBytes {
      clEnqueueWriteBuffer(session.queue, memory, cl_bool(CL_TRUE), 0, $0.count, $0.baseAddress, 0, nil, nil)
    }
    try check("clEnqueueWriteBuffer", status)
  }

  deinit { clReleaseMemObject(memory) }

  func read() throws -> HostMemory {
    let values = HostMemory(byteCount: byteCount)
    let status = values.withMutableBytes {
      clEnqueueReadBuffer(session.queue, memory, cl_bool(CL_TRUE), 0, $0.count, $0.baseAddress, 0, nil, nil)
    }
    try check("clEnqueueReadBuffer", status)
    return values
  }
}

/// Throws unless `status` says that `call` succeeded.
func check(_ call: String, _ status: cl_int) throws {
  guard status == CL_SUCCESS else { throw BenchmarkError(call, status) }
}
