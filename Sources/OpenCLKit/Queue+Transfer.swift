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

  /// Sets `byteCount` bytes to repetitions of `pattern`, whose size must be a power of two up to 128 bytes and divide
  /// offset and count.
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

  /// A run of equally long rows of bytes in a buffer.
  public struct Rows: Hashable, Sendable {
    /// Where the first row begins, in bytes.
    public let byteOffset: Int
    /// Bytes from one row to the next.
    public let pitch: Int

    /// Rows that begin at `byteOffset` and are `pitch` bytes apart.
    public init(byteOffset: Int, pitch: Int) {
      self.byteOffset = byteOffset
      self.pitch = pitch
    }
  }

  /// Copies `rows` rows of `rowByteCount` bytes between two buffers of the context; the rows must not overlap.
  ///
  /// - Throws: `OpenCLError` with `CL_INVALID_VALUE`, also for several rows less than `rowByteCount` apart.
  @discardableResult
  public func copy(
    from source: Buffer, _ sourceRows: Rows, to destination: Buffer, _ destinationRows: Rows, rowByteCount: Int,
    rows: Int, after events: [Event] = []
  ) throws(OpenCLError) -> Event {
    guard rows > 0, rowByteCount > 0 else { return try barrier(after: events) }
    if rows == 1 {
      return try copy(
        from: source, at: sourceRows.byteOffset, to: destination, at: destinationRows.byteOffset,
        byteCount: rowByteCount, after: events)
    }
    for (buffer, place) in [(source, sourceRows), (destination, destinationRows)] {
      let (span, overflow) = (rows - 1).multipliedReportingOverflow(by: place.pitch)
      guard place.pitch >= rowByteCount, !overflow, span <= buffer.byteCount else {
        throw OpenCLError(
          call: "clEnqueueCopyBufferRect", status: .invalidValue, device: device.name,
          detail: "\(rows) rows of \(rowByteCount) bytes, \(place.pitch) apart, in a buffer of \(buffer.byteCount)")
      }
      try buffer.checkRange("clEnqueueCopyBufferRect", place.byteOffset, span + rowByteCount)
    }
    if sourceRows.pitch == rowByteCount, destinationRows.pitch == rowByteCount {
      return try copy(
        from: source, at: sourceRows.byteOffset, to: destination, at: destinationRows.byteOffset,
        byteCount: rows * rowByteCount, after: events)
    }
    // An origin is (x within a row, row, slice); rows may begin anywhere, so the offset is split by the pitch.
    let from = [sourceRows.byteOffset % sourceRows.pitch, sourceRows.byteOffset / sourceRows.pitch, 0]
    let to = [
      destinationRows.byteOffset % destinationRows.pitch, destinationRows.byteOffset / destinationRows.pitch, 0,
    ]
    return try enqueue("clEnqueueCopyBufferRect", after: events, detail: "\(rows) rows of \(rowByteCount) bytes") {
      clEnqueueCopyBufferRect(
        handle, source.handle, destination.handle, from, to, [rowByteCount, rows, 1], sourceRows.pitch, 0,
        destinationRows.pitch, 0, $0, $1, $2)
    }
  }
}
