// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// A range of a buffer that host code can touch, until it is unmapped.
public struct Mapping: Sendable {
  // The driver keeps the memory mapped until `unmap`, and the buffer below keeps it alive.
  /// The mapped bytes; touch them only between `ready` and `unmap`.
  nonisolated(unsafe) public let bytes: UnsafeMutableRawBufferPointer
  /// Done when the bytes may be touched.
  public let ready: Event
  let buffer: Buffer
}

extension Queue {
  /// What host code will do with mapped memory.
  public enum MapAccess: Sendable {
    /// Read what the device left.
    case read
    /// Read and write.
    case readWrite
    /// Write every byte; the old contents are not brought over.
    case overwrite
  }

  /// Maps a range of `buffer` into the host's address space; copies nothing where memory is shared.
  ///
  /// Kernels must not touch the range until it is unmapped, and host code not before `ready` is done.
  /// - Throws: `OpenCLError` with `CL_INVALID_VALUE` for a range that is empty or not inside `buffer`.
  public func map(
    _ buffer: Buffer, at byteOffset: Int = 0, byteCount: Int, for access: MapAccess, after events: [Event] = []
  ) throws(OpenCLError) -> Mapping {
    try buffer.checkRange("clEnqueueMapBuffer", byteOffset, byteCount)
    let flags: Int32 =
      switch access {
      case .read: CL_MAP_READ
      case .readWrite: CL_MAP_READ | CL_MAP_WRITE
      case .overwrite: CL_MAP_WRITE_INVALIDATE_REGION
      }
    var address: UnsafeMutableRawPointer?
    let ready = try enqueue("clEnqueueMapBuffer", after: events, detail: "\(byteCount) bytes at \(byteOffset)") {
      var code: cl_int = CL_SUCCESS
      address = clEnqueueMapBuffer(
        handle, buffer.handle, cl_bool(CL_FALSE), cl_map_flags(flags), byteOffset, byteCount, $0, $1, $2, &code)
      return code
    }
    return Mapping(
      bytes: UnsafeMutableRawBufferPointer(start: address, count: address == nil ? 0 : byteCount), ready: ready,
      buffer: buffer)
  }

  /// Ends a mapping; what host code wrote is visible to commands that follow.
  @discardableResult
  public func unmap(_ mapping: Mapping, after events: [Event] = []) throws(OpenCLError) -> Event {
    try enqueue("clEnqueueUnmapMemObject", after: events) {
      clEnqueueUnmapMemObject(handle, mapping.buffer.handle, mapping.bytes.baseAddress, $0, $1, $2)
    }
  }
}
