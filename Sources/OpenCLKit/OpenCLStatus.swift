// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// A result code of the OpenCL C API, under the name the specification gives it.
public struct OpenCLStatus: RawRepresentable, Hashable, Sendable {
  /// The code as the C API returns it: zero for success, negative for an error.
  public let rawValue: Int32

  /// Wraps any code, known or not: drivers return codes outside the documented lists.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// The call did what was asked.
  public static let success = OpenCLStatus(rawValue: CL_SUCCESS)
  /// No device of the kind asked for; an empty list, not a fault.
  public static let deviceNotFound = OpenCLStatus(rawValue: CL_DEVICE_NOT_FOUND)
  /// The loader found no driver (`cl_khr_icd`).
  public static let platformNotFound = OpenCLStatus(rawValue: -1001)
  /// A program binary that this driver does not take.
  public static let invalidBinary = OpenCLStatus(rawValue: CL_INVALID_BINARY)
  /// The source did not compile; the error carries the log.
  public static let buildProgramFailure = OpenCLStatus(rawValue: CL_BUILD_PROGRAM_FAILURE)
  /// A size of zero, or one over the device's limit.
  public static let invalidBufferSize = OpenCLStatus(rawValue: CL_INVALID_BUFFER_SIZE)
  /// An argument was outside what the call allows.
  public static let invalidValue = OpenCLStatus(rawValue: CL_INVALID_VALUE)
  /// A command of the wait list failed; its own status says how.
  public static let eventInWaitListFailed = OpenCLStatus(rawValue: CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
}

extension OpenCLStatus: CustomStringConvertible {
  /// `CL_OUT_OF_RESOURCES (-5)`; a code that no specification lists prints as its number.
  public var description: String {
    let index = 0 - Int(rawValue)
    if Self.core.indices.contains(index), !Self.core[index].isEmpty { return "CL_\(Self.core[index]) (\(rawValue))" }
    if rawValue == -1001 { return "CL_PLATFORM_NOT_FOUND_KHR (-1001)" }
    return "OpenCL code \(rawValue)"
  }

  /// Names by negated code, OpenCL 3.0 appendix "Error codes"; 20 to 29 are not assigned.
  private static let core =
    [
      "SUCCESS", "DEVICE_NOT_FOUND", "DEVICE_NOT_AVAILABLE", "COMPILER_NOT_AVAILABLE", "MEM_OBJECT_ALLOCATION_FAILURE",
      "OUT_OF_RESOURCES", "OUT_OF_HOST_MEMORY", "PROFILING_INFO_NOT_AVAILABLE", "MEM_COPY_OVERLAP",
      "IMAGE_FORMAT_MISMATCH", "IMAGE_FORMAT_NOT_SUPPORTED", "BUILD_PROGRAM_FAILURE", "MAP_FAILURE",
      "MISALIGNED_SUB_BUFFER_OFFSET", "EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", "COMPILE_PROGRAM_FAILURE",
      "LINKER_NOT_AVAILABLE", "LINK_PROGRAM_FAILURE", "DEVICE_PARTITION_FAILED", "KERNEL_ARG_INFO_NOT_AVAILABLE",
    ] + Array(repeating: "", count: 10) + [
      "INVALID_VALUE", "INVALID_DEVICE_TYPE", "INVALID_PLATFORM", "INVALID_DEVICE", "INVALID_CONTEXT",
      "INVALID_QUEUE_PROPERTIES", "INVALID_COMMAND_QUEUE", "INVALID_HOST_PTR", "INVALID_MEM_OBJECT",
      "INVALID_IMAGE_FORMAT_DESCRIPTOR", "INVALID_IMAGE_SIZE", "INVALID_SAMPLER", "INVALID_BINARY",
      "INVALID_BUILD_OPTIONS", "INVALID_PROGRAM", "INVALID_PROGRAM_EXECUTABLE", "INVALID_KERNEL_NAME",
      "INVALID_KERNEL_DEFINITION", "INVALID_KERNEL", "INVALID_ARG_INDEX", "INVALID_ARG_VALUE", "INVALID_ARG_SIZE",
      "INVALID_KERNEL_ARGS", "INVALID_WORK_DIMENSION", "INVALID_WORK_GROUP_SIZE", "INVALID_WORK_ITEM_SIZE",
      "INVALID_GLOBAL_OFFSET", "INVALID_EVENT_WAIT_LIST", "INVALID_EVENT", "INVALID_OPERATION", "INVALID_GL_OBJECT",
      "INVALID_BUFFER_SIZE", "INVALID_MIP_LEVEL", "INVALID_GLOBAL_WORK_SIZE", "INVALID_PROPERTY",
      "INVALID_IMAGE_DESCRIPTOR", "INVALID_COMPILER_OPTIONS", "INVALID_LINKER_OPTIONS",
      "INVALID_DEVICE_PARTITION_COUNT", "INVALID_PIPE_SIZE", "INVALID_DEVICE_QUEUE", "INVALID_SPEC_ID",
      "MAX_SIZE_RESTRICTION_EXCEEDED",
    ]
}
