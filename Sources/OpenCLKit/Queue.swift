// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// The commands of one device, run in the order in which they are enqueued.
///
/// No method waits, except where its name says so. Commands take the events of *other* queues, of the same context, that
/// they must follow. A range of bytes that is not inside its buffer is an error with `CL_INVALID_VALUE` and nothing is
/// enqueued; to copy or fill no bytes is no error.
public final class Queue: Sendable {
  // Written once in `init`. Enqueueing is thread-safe.
  nonisolated(unsafe) let handle: cl_command_queue
  /// Keeps the context alive as long as the queue.
  public let context: Context
  /// The device that runs the commands.
  public let device: Device

  /// An in-order queue; profiling costs time on every command, so it is off unless asked for.
  public init(context: Context, device: Device, profiling: Bool = false) throws(OpenCLError) {
    var properties: [cl_queue_properties] = [
      cl_queue_properties(CL_QUEUE_PROPERTIES), profiling ? cl_queue_properties(CL_QUEUE_PROFILING_ENABLE) : 0, 0,
    ]
    self.context = context
    self.device = device
    // OpenCL 1.2 drivers have only the older call, whose symbol every loader has.
    let version = try device.version
    if version.hasPrefix("OpenCL 1.") {
      handle = try checkedObject("clCreateCommandQueue", device: device.name) {
        clCreateCommandQueue(context.handle, device.handle, properties[1], $0)
      }
    } else {
      handle = try checkedObject("clCreateCommandQueueWithProperties", device: device.name) {
        clCreateCommandQueueWithProperties(context.handle, device.handle, &properties, $0)
      }
    }
  }

  deinit { clReleaseCommandQueue(handle) }

  /// Hands everything enqueued so far to the device.
  public func flush() throws(OpenCLError) { try check(clFlush(handle), "clFlush", device: device.name) }

  /// Blocks the calling thread until the queue is empty; not for `async` code.
  public func finishBlocking() throws(OpenCLError) { try check(clFinish(handle), "clFinish", device: device.name) }

  /// An event that is done when everything enqueued before it is.
  public func marker() throws(OpenCLError) -> Event {
    try enqueue("clEnqueueMarkerWithWaitList", after: []) { clEnqueueMarkerWithWaitList(handle, $0, $1, $2) }
  }

  /// Holds back everything enqueued after it until `events`, of this context, are done.
  @discardableResult
  public func barrier(after events: [Event]) throws(OpenCLError) -> Event {
    try enqueue("clEnqueueBarrierWithWaitList", after: events) { clEnqueueBarrierWithWaitList(handle, $0, $1, $2) }
  }

  /// Runs one enqueue call with a wait list and wraps the event that it makes.
  func enqueue(
    _ call: StaticString, after events: [Event], detail: @autoclosure () -> String = "",
    _ body: (cl_uint, UnsafePointer<cl_event?>?, UnsafeMutablePointer<cl_event?>) -> cl_int
  ) throws(OpenCLError) -> Event {
    var made: cl_event?
    var code: cl_int
    if events.isEmpty {
      code = body(0, nil, &made)
    } else {
      let list = events.map { Optional($0.handle) }
      code = list.withUnsafeBufferPointer { body(cl_uint($0.count), $0.baseAddress, &made) }
    }
    if code == CL_SUCCESS, made == nil { code = CL_INVALID_EVENT }
    try check(code, call, device: device.name, detail: detail())
    guard let made else { throw OpenCLError(call: "\(call)", status: .invalidValue, device: device.name) }
    return Event(handle: made, device: device)
  }
}
