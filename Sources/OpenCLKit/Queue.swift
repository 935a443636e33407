// SPDX-License-Identifier: Apache-2.0
import COpenCL
import Synchronization

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
  /// Tells queues apart, also after they have gone.
  let number = numbers.add(1, ordering: .relaxed).newValue
  private static let numbers = Atomic<Int>(0)
  /// Held while a command is enqueued, so that it is the last one and takes what it has to follow.
  private let order = Mutex(Order())

  private struct Order {
    var last: Event?
    /// What the next command has to follow, at most one event of each queue.
    var awaited: [Event] = []
  }

  /// An in-order queue; profiling costs time on every command, so it is off unless asked for.
  public init(context: Context, device: Device, profiling: Bool = false) throws(OpenCLError) {
    var properties: [cl_queue_properties] = [
      cl_queue_properties(CL_QUEUE_PROPERTIES), profiling ? cl_queue_properties(CL_QUEUE_PROFILING_ENABLE) : 0, 0,
    ]
    self.context = context
    self.device = device
    // OpenCL 1.2 drivers have only the older call, whose symbol every loader has.
    let version = try device.version
    handle = try checkedObject("clCreateCommandQueue", device: device.name) {
      version.hasPrefix("OpenCL 1.")
        ? clCreateCommandQueue(context.handle, device.handle, properties[1], $0)
        : clCreateCommandQueueWithProperties(context.handle, device.handle, &properties, $0)
    }
  }

  deinit { clReleaseCommandQueue(handle) }

  /// Hands everything enqueued so far to the device.
  public func flush() throws(OpenCLError) { try check(clFlush(handle), "clFlush", device: device.name) }

  /// Blocks the calling thread until the queue is empty; not for `async` code.
  public func finishBlocking() throws(OpenCLError) { try check(clFinish(handle), "clFinish", device: device.name) }

  /// The event of the last command, done when everything enqueued so far is; nil before the first.
  public var last: Event? { order.withLock { $0.last } }

  /// Holds back everything enqueued from now on until `events`, of other queues of this context, are done. Costs no
  /// command: the next one waits for them too.
  public func follow(_ events: [Event]) {
    order.withLock { order in
      for event in events where event.queue != number {
        // An event of a queue is done after all earlier ones, in whichever order two threads come here.
        if let other = order.awaited.firstIndex(where: { $0.queue == event.queue }) {
          if order.awaited[other].position < event.position { order.awaited[other] = event }
        } else {
          order.awaited.append(event)
        }
      }
    }
  }

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
    let (code, event) = order.withLock { order -> (cl_int, Event?) in
      var made: cl_event?
      let code: cl_int
      if events.isEmpty, order.awaited.isEmpty {
        code = body(0, nil, &made)
      } else {
        let list = (order.awaited + events).map { Optional($0.handle) }
        code = list.withUnsafeBufferPointer { body(cl_uint($0.count), $0.baseAddress, &made) }
      }
      guard code == CL_SUCCESS, let made else { return (code == CL_SUCCESS ? CL_INVALID_EVENT : code, nil) }
      let event = Event(handle: made, device: device, queue: number, position: (order.last?.position ?? -1) + 1)
      order.awaited = []
      order.last = event
      return (code, event)
    }
    try check(code, call, device: device.name, detail: detail())
    guard let event else { throw OpenCLError(call: "\(call)", status: .invalidValue, device: device.name) }
    return event
  }
}
