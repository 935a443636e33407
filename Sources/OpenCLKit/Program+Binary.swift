// SPDX-License-Identifier: Apache-2.0
import COpenCL

extension Program {
  /// Loads what `binary()` returned, on the same driver and device.
  ///
  /// - Throws: `CL_INVALID_BINARY` where the driver does not take it, after an update for example.
  public convenience init(
    context: Context, device: Device, binary: [UInt8], options: String = ""
  ) throws(OpenCLError) {
    var status: cl_int = CL_SUCCESS
    let handle = try checkedObject("clCreateProgramWithBinary", device: device.name, detail: "\(binary.count) bytes") {
      code in
      binary.withUnsafeBufferPointer { bytes in
        var target: cl_device_id? = device.handle
        var length = bytes.count
        var list: UnsafePointer<UInt8>? = bytes.baseAddress
        return clCreateProgramWithBinary(context.handle, 1, &target, &length, &list, &status, code)
      }
    }
    guard status == CL_SUCCESS else {
      clReleaseProgram(handle)
      throw OpenCLError(
        call: "clCreateProgramWithBinary", status: OpenCLStatus(rawValue: status), device: device.name,
        detail: "\(binary.count) bytes")
    }
    try self.init(unbuilt: handle, context: context, device: device, options: options)
  }

  /// The program in the driver's own form; PTX on NVIDIA.
  public func binary() throws(OpenCLError) -> [UInt8] {
    let program = handle
    let devices = try infoArray("clGetProgramInfo", device: device.name, default: Int(0)) {
      clGetProgramInfo(program, cl_program_info(CL_PROGRAM_DEVICES), $0, $1, $2)
    }
    let sizes = try infoArray("clGetProgramInfo", device: device.name, default: Int(0)) {
      clGetProgramInfo(program, cl_program_info(CL_PROGRAM_BINARY_SIZES), $0, $1, $2)
    }
    // PoCL 3.1 lists the whole device in the place of its parts.
    let candidates = sequence(first: device, next: \.parent).map { Int(bitPattern: $0.handle) }
    guard let index = devices.firstIndex(where: candidates.contains), sizes.indices.contains(index), sizes[index] > 0
    else { throw OpenCLError(call: "clGetProgramInfo", status: .invalidBinary, device: device.name) }
    // A null pointer skips a device's binary, so only ours is copied.
    var bytes = [UInt8](repeating: 0, count: sizes[index])
    let code = bytes.withUnsafeMutableBytes { storage in
      var pointers = [UnsafeMutableRawPointer?](repeating: nil, count: sizes.count)
      pointers[index] = storage.baseAddress
      return clGetProgramInfo(
        program, cl_program_info(CL_PROGRAM_BINARIES), pointers.count * MemoryLayout<Int>.size, &pointers, nil)
    }
    try check(code, "clGetProgramInfo", device: device.name)
    return bytes
  }
}
