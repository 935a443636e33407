// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// A block of device memory.
public final class Buffer: Sendable {
  // Written once in `init`. OpenCL makes retain, release and enqueue thread-safe for memory objects.
  nonisolated(unsafe) let handle: cl_mem
  /// Keeps the context alive as long as the memory.
  public let context: Context
  /// Size in bytes.
  public let byteCount: Int
  /// The buffer this one is a window into; keeps it alive.
  public let parent: Buffer?

  /// Where a buffer's bytes should lie.
  public enum Placement: Sendable {
    /// Where the driver thinks best: device memory on a discrete card.
    case device
    /// In host memory that the device reaches without a copy (`CL_MEM_ALLOC_HOST_PTR`): pinned, quick to map.
    case hostVisible
  }

  /// Allocates `byteCount` bytes, contents undefined.
  ///
  /// Many drivers allocate at first use, so a later command can fail for want of memory although this call did not.
  /// - Throws: `OpenCLError` with the size asked for; zero bytes are an error of OpenCL's too.
  public init(context: Context, byteCount: Int, placement: Placement = .device) throws(OpenCLError) {
    let flags = cl_mem_flags(CL_MEM_READ_WRITE) | (placement == .hostVisible ? cl_mem_flags(CL_MEM_ALLOC_HOST_PTR) : 0)
    let names = context.devices.map(\.name).joined(separator: ", ")
    guard byteCount > 0 else {
      throw OpenCLError(
        call: "clCreateBuffer", status: .invalidBufferSize, device: names, detail: "\(byteCount) bytes asked for")
    }
    self.context = context
    self.byteCount = byteCount
    parent = nil
    handle = try checkedObject("clCreateBuffer", device: names, detail: "\(byteCount) bytes asked for") {
      clCreateBuffer(context.handle, flags, byteCount, nil, $0)
    }
  }

  /// A window of `byteCount` bytes from `byteOffset` into `parent` ("sub-buffer"), sharing its memory.
  ///
  /// `byteOffset` must be a multiple of the device's `baseAddressAlignment`, and `parent` no window itself.
  /// - Throws: `OpenCLError` with `CL_INVALID_VALUE` for a range that is empty or not inside `parent`,
  ///   `CL_MISALIGNED_SUB_BUFFER_OFFSET`, or `CL_INVALID_MEM_OBJECT` for a window of a window.
  public init(window parent: Buffer, byteOffset: Int, byteCount: Int) throws(OpenCLError) {
    let detail = "bytes \(byteOffset)..<\(byteOffset &+ byteCount) of \(parent.byteCount)"
    guard byteOffset >= 0, byteCount > 0, byteOffset <= parent.byteCount, byteCount <= parent.byteCount - byteOffset
    else { throw OpenCLError(call: "clCreateSubBuffer", status: .invalidValue, detail: detail) }
    var region = cl_buffer_region(origin: byteOffset, size: byteCount)
    context = parent.context
    self.byteCount = byteCount
    self.parent = parent
    handle = try checkedObject("clCreateSubBuffer", detail: detail) {
      clCreateSubBuffer(parent.handle, 0, cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION), &region, $0)
    }
  }

  deinit { clReleaseMemObject(handle) }

  /// Throws unless `byteOffset ..< byteOffset + byteCount` lies inside the buffer.
  func checkRange(_ call: StaticString, _ byteOffset: Int, _ byteCount: Int) throws(OpenCLError) {
    guard byteOffset >= 0, byteCount >= 0, byteOffset <= self.byteCount, byteCount <= self.byteCount - byteOffset else {
      throw OpenCLError(
        call: "\(call)", status: .invalidValue,
        detail: "bytes \(byteOffset)..<\(byteOffset &+ byteCount) of a buffer of \(self.byteCount)")
    }
  }
}
