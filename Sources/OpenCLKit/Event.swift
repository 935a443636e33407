// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// A command that was enqueued: others can wait for it.
public final class Event: Sendable {
  // Written once in `init`. Event calls are thread-safe.
  nonisolated(unsafe) let handle: cl_event
  /// The device that runs the command.
  public let device: Device
  /// The number of the queue that the command is in.
  let queue: Int
  /// How many commands of the queue came before.
  let position: Int

  init(handle: cl_event, device: Device, queue: Int, position: Int) {
    self.handle = handle
    self.device = device
    self.queue = queue
    self.position = position
  }

  deinit { clReleaseEvent(handle) }

  /// Blocks the calling thread until the command is done. `EventWaiter` is the way to wait in `async` code.
  ///
  /// - Throws: the status with which the command itself ended, where it failed.
  public func waitBlocking() throws(OpenCLError) {
    var list: cl_event? = handle
    let code = clWaitForEvents(1, &list)
    guard code != CL_SUCCESS else { return }
    let own = try status()
    try check(own < 0 ? own : code, "clWaitForEvents", device: device.name)
  }

  /// Whether the command has ended, well or badly, without waiting.
  public var isDone: Bool { get throws(OpenCLError) { try status() <= CL_COMPLETE } }

  private func status() throws(OpenCLError) -> cl_int {
    try infoValue("clGetEventInfo", device: device.name, default: cl_int(0)) { [handle] in
      clGetEventInfo(handle, cl_event_info(CL_EVENT_COMMAND_EXECUTION_STATUS), $0, $1, $2)
    }
  }
}
