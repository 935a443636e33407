// SPDX-License-Identifier: Apache-2.0
import COpenCL

extension Queue {
  /// Copies `byteCount` bytes from host memory to `buffer`.
  ///
  /// `source` must stay valid until the returned event is done.
  @discardableResult
  public func write(
    _ source: UnsafeRawPointer, byteCount: Int, to buffer: Buffer, at byteOffset: Int = 0, after events: [Event] = []
  ) throws(OpenCLError) -> Event {
    try buffer.checkRange("clEnqueueWriteBuffer", byteOffset, byteCount)
    guard byteCount > 0 else { return try barrier(after: events) }
    return try enqueue("clEnqueueWriteBuffer", after: events, detail: "\(byteCount) bytes at \(byteOffset)") {
      clEnqueueWriteBuffer(
        handle, buffer.handle, cl_bool(CL_FALSE), byteOffset, byteCount, source, $0, $1, $2)
    }
  }

  /// Copies `byteCount` bytes of `buffer` to host memory.
  ///
  /// `destination` must stay valid until the returned event is done.
  @discardableResult
  public func read(
    _ buffer: Buffer, at byteOffset: Int = 0, byteCount: Int, into destination: UnsafeMutableRawPointer,
    after events: [Event] = []
  ) throws(OpenCLError) -> Event {
    try buffer.checkRange("clEnqueueReadBuffer", byteOffset, byteCount)
    guard byteCount > 0 else { return try barrier(after: events) }
    return try enqueue("clEnqueueReadBuffer", after: events, detail: "\(byteCount) bytes at \(byteOffset)") {
      clEnqueueReadBuffer(
        handle, buffer.handle, cl_bool(CL_FALSE), byteOffset, byteCount, destination, $0, $1, $2)
    }
  }

  /// Copies between two buffers of the context; ranges of one buffer must not overlap.
  @discardableResult
  public func copy(
    from source: Buffer, at sourceOffset: Int, to destination: Buffer, at destinationOffset: Int, byteCount: Int,
    after events: [Event] = []
  ) throws(OpenCLError) -> Event {
    try source.checkRange("clEnqueueCopyBuffer", sourceOffset, byteCount)
    try destination.checkRange("clEnqueueCopyBuffer", destinationOffset, byteCount)
    guard byteCount > 0 else { return try barrier(after: events) }
    return try enqueue("clEnqueueCopyBuffer", after: events, detail: "\(byteCount) bytes") {
      clEnqueueCopyBuffer(
        handle, source.handle, destination.handle, sourceOffset, destinationOffset, byteCount, $0, $1, $2)
    }
  }

  /// Sets `byteCount` bytes to repetitions of `pattern`; its size must divide offset and count.
  @discardableResult
  public func fill<T: BitwiseCopyable>(
    _ buffer: Buffer, at byteOffset: Int = 0, byteCount: Int, with pattern: T, after events: [Event] = []
  ) throws(OpenCLError) -> Event {
    try buffer.checkRange("clEnqueueFillBuffer", byteOffset, byteCount)
    guard byteCount > 0 else { return try barrier(after: events) }
    var value = pattern
    return try enqueue("clEnqueueFillBuffer", after: events, detail: "\(byteCount) bytes at \(byteOffset)") {
      clEnqueueFillBuffer(
        handle, buffer.handle, &value, MemoryLayout<T>.size, byteOffset, byteCount, $0, $1, $2)
    }
  }
}
