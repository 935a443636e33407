// SPDX-License-Identifier: Apache-2.0
import COpenCL
import Synchronization

/// One function of a program, with the arguments it was last given.
public final class Kernel: Sendable {
  // Written once in `init`. Setting arguments is not thread-safe, so it happens only under `launching`.
  nonisolated(unsafe) let handle: cl_kernel
  /// Keeps the program alive as long as the kernel.
  public let program: Program
  /// The function's name.
  public let name: String
  let launching = Mutex<Void>(())

  /// The function called `name` of `program`.
  ///
  /// - Throws: `OpenCLError` with `CL_INVALID_KERNEL_NAME` where the program has no such kernel.
  public init(program: Program, name: String) throws(OpenCLError) {
    self.program = program
    self.name = name
    handle = try checkedObject("clCreateKernel", device: program.device.name, detail: "function \(name)") {
      clCreateKernel(program.handle, name, $0)
    }
  }

  deinit { clReleaseKernel(handle) }

  /// The largest work-group that the device runs this kernel with, in work-items.
  public var maximumWorkGroupSize: Int {
    get throws(OpenCLError) {
      try infoValue("clGetKernelWorkGroupInfo", device: program.device.name, default: Int(0)) { [self] in
        clGetKernelWorkGroupInfo(
          handle, program.device.handle, cl_kernel_work_group_info(CL_KERNEL_WORK_GROUP_SIZE), $0, $1, $2)
      }
    }
  }
}
