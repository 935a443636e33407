// SPDX-License-Identifier: Apache-2.0
import COpenCL

extension Event {
  /// When a command started and ended, in nanoseconds of the device's clock.
  public struct Times: Hashable, Sendable {
    /// When the command was enqueued.
    public let queued: UInt64
    /// When it began to run.
    public let started: UInt64
    /// When it had run.
    public let ended: UInt64
    /// How long it ran, in seconds.
    public var seconds: Double { Double(ended &- started) * 1e-9 }
  }

  /// The times of a command that is done, on a queue made with profiling.
  ///
  /// - Throws: `OpenCLError` with `CL_PROFILING_INFO_NOT_AVAILABLE` for any other.
  public func times() throws(OpenCLError) -> Times {
    func time(_ parameter: Int32) throws(OpenCLError) -> UInt64 {
      try infoValue("clGetEventProfilingInfo", device: device.name, default: cl_ulong(0)) { [handle] in
        clGetEventProfilingInfo(handle, cl_profiling_info(parameter), $0, $1, $2)
      }
    }
    return Times(
      queued: try time(CL_PROFILING_COMMAND_QUEUED), started: try time(CL_PROFILING_COMMAND_START),
      ended: try time(CL_PROFILING_COMMAND_END))
  }
}
