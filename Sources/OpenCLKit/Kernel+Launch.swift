// SPDX-License-Identifier: Apache-2.0
import COpenCL

/// One argument of a kernel.
public enum KernelArgument: Sendable {
  /// A C `int`.
  case int(Int32)
  /// A C `long`, 64 bits in OpenCL C.
  case long(Int64)
  /// A C `long4`.
  case long4(SIMD4<Int64>)
  /// A C `float`.
  case float(Float)
  /// A `__global` or `__constant` pointer; nil is a null pointer.
  case buffer(Buffer?)
  /// A `__local` pointer to this many bytes.
  case local(byteCount: Int)
}

/// Sizes of a launch in work-items, one to three dimensions.
public struct LaunchSize: Hashable, Sendable {
  /// Work-items in all; each a multiple of the work-group's.
  public let global: [Int]
  /// Work-items of a work-group; empty leaves the choice to the driver.
  public let local: [Int]

  /// A launch of `global` work-items in groups of `local`.
  public init(global: [Int], local: [Int] = []) {
    self.global = global
    self.local = local
  }
}

extension Kernel {
  /// Sets all arguments and enqueues the kernel, as one step that other threads cannot split.
  ///
  /// A launch with no work-items runs nothing and is done when `events` are.
  /// - Throws: `OpenCLError` with kernel, argument index or sizes.
  @discardableResult
  public func launch(
    on queue: Queue, size: LaunchSize, arguments: [KernelArgument], after events: [Event] = []
  ) throws(OpenCLError) -> Event {
    guard !size.global.contains(0) else { return try queue.barrier(after: events) }
    let result = launching.withLock { _ -> Result<Event, OpenCLError> in
      Result { () throws(OpenCLError) -> Event in
        for (index, argument) in arguments.enumerated() {
          try check(
            set(argument, at: cl_uint(index)), "clSetKernelArg", device: queue.device.name,
            detail: "kernel \(name), argument \(index), \(argument)")
        }
        return try queue.enqueue(
          "clEnqueueNDRangeKernel", after: events,
          detail: "kernel \(name), global \(size.global), local \(size.local)"
        ) { count, list, event in
          if FlatGrid.isUsed(on: queue.device.platform), let flat = FlatGrid(size) {
            return clEnqueueNDRangeKernel(
              queue.handle, handle, 3, flat.offset, flat.global, flat.local, count, list, event)
          }
          return size.local.isEmpty
            ? clEnqueueNDRangeKernel(
              queue.handle, handle, cl_uint(size.global.count), nil, size.global, nil, count, list, event)
            : clEnqueueNDRangeKernel(
              queue.handle, handle, cl_uint(size.global.count), nil, size.global, size.local, count, list, event)
        }
      }
    }
    return try result.get()
  }

  private func set(_ argument: KernelArgument, at index: cl_uint) -> cl_int {
    switch argument {
    case .int(var value): clSetKernelArg(handle, index, 4, &value)
    case .long(var value): clSetKernelArg(handle, index, 8, &value)
    case .long4(var value): clSetKernelArg(handle, index, 32, &value)
    case .float(var value): clSetKernelArg(handle, index, 4, &value)
    case .local(let byteCount): clSetKernelArg(handle, index, byteCount, nil)
    case .buffer(let buffer):
      withUnsafePointer(to: buffer?.handle) { clSetKernelArg(handle, index, MemoryLayout<cl_mem?>.size, $0) }
    }
  }
}
