// SPDX-License-Identifier: Apache-2.0
import CShardHost
import Dispatch
import Foundation

/// The CPU fallback: a device without OpenCL, on the cores of this machine.
///
/// Always there, and the oracle of every test: its products have the bits that every other device must have. Work is
/// split over threads here; the inner loops are C, one clone per instruction set (`CShardHost`).
public final class HostDevice: ComputeDevice {
  /// What `--devices` calls the device.
  public let selector: String
  /// `host` with its instruction set and number of threads.
  public let name: String
  /// What the choice of kernels depends on.
  public let capabilities: Capabilities
  /// Rows of a weight in a panel.
  public var weightPanelWidth: Int { shard_host_panel_columns() }
  /// Threads of one command.
  let workers: Int
  let queue = DispatchQueue(label: "shardcl.host")
  /// Only the queue touches it.
  let workspace = Workspace()
  private let account: MemoryAccount

  static let physicalMemoryByteCount = Int(clamping: ProcessInfo.processInfo.physicalMemory)

  /// A device of `workers` threads, by default one per core, that uses at most `memoryByteCount` bytes of memory, by
  /// default the machine's together with all others.
  public init(
    selector: String = "host", workers: Int = ProcessInfo.processInfo.activeProcessorCount,
    memoryByteCount: Int? = nil
  ) {
    account = memoryByteCount.map(MemoryAccount.init) ?? .host
    self.selector = selector
    self.workers = max(1, workers)
    name = "host (\(String(cString: shard_host_level())), \(max(1, workers)) threads)"
    capabilities = Capabilities(
      architecture: .host, computeUnits: max(1, workers), vectorWidth: shard_host_panel_columns() / 2,
      cacheByteCount: 0, localMemoryByteCount: 0, maximumWorkGroupSize: 1, maximumAllocationByteCount: account.limit,
      memoryByteCount: account.limit, hasUnifiedMemory: true)
  }

  /// Allocates memory, contents undefined.
  public func allocate(byteCount: Int) throws -> DeviceMemory {
    guard byteCount >= 0, byteCount <= capabilities.maximumAllocationByteCount else {
      throw ComputeError.allocationTooLarge(
        byteCount: byteCount, limit: capabilities.maximumAllocationByteCount, device: name)
    }
    return try account.allocate(byteCount, device: name) { .host(HostMemory(byteCount: byteCount)) }
  }

  /// Enqueues a copy from host memory.
  public func write(
    _ source: HostMemory, at sourceOffset: Int, byteCount: Int, to destination: DeviceMemory, at byteOffset: Int
  ) throws {
    try source.checkRange(sourceOffset, byteCount)
    let target = try bytes(of: destination, byteOffset, byteCount)
    queue.async { target.address.copyMemory(from: source.address + sourceOffset, byteCount: byteCount) }
  }

  /// Enqueues a copy to host memory.
  public func read(
    _ source: DeviceMemory, at byteOffset: Int, byteCount: Int, into destination: HostMemory, at hostOffset: Int
  ) throws {
    try destination.checkRange(hostOffset, byteCount, writing: true)
    let from = try bytes(of: source, byteOffset, byteCount)
    queue.async { (destination.address + hostOffset).copyMemory(from: from.address, byteCount: byteCount) }
  }

  /// Enqueues setting bytes to repetitions of `pattern`.
  public func fill(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, with pattern: UInt32) throws {
    guard byteOffset % 4 == 0, byteCount % 4 == 0 else {
      throw ComputeError.outOfBounds("fill of \(byteCount) bytes at \(byteOffset); both must be multiples of 4")
    }
    let target = try bytes(of: memory, byteOffset, byteCount)
    queue.async {
      target.address.assumingMemoryBound(to: UInt32.self).update(repeating: pattern, count: byteCount / 4)
    }
  }

  /// Makes memory visible to host code once everything before is done.
  public func beginAccess(
    _ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool
  ) async throws -> HostAccess {
    let range = try bytes(of: memory, byteOffset, byteCount)
    try await finish()
    return HostAccess(address: range.address, byteCount: byteCount, keepAlive: memory)
  }

  /// Ends an access.
  public func endAccess(_ access: HostAccess) throws {}

  /// Does nothing: commands run as soon as those before are done.
  public func flush() {}

  /// Suspends until everything enqueued so far is done.
  public func finish() async throws {
    await withCheckedContinuation { done in queue.async { done.resume() } }
  }

  /// Runs `body` on the queue, once for each worker at the same time.
  func enqueueOnWorkers(_ body: @escaping @Sendable (_ worker: Int) -> Void) {
    queue.async { [workers] in
      if workers == 1 { body(0) } else { DispatchQueue.concurrentPerform(iterations: workers, execute: body) }
    }
  }

  /// Runs `body` over `0 ..< count` in runs of `grain`, which workers take as they become free.
  func enqueueParallel(_ count: Int, grain: Int, _ body: @escaping @Sendable (Range<Int>) -> Void) {
    let grain = max(1, grain)
    let runs = (count + grain - 1) / grain
    queue.async { [workers] in
      if workers == 1 || runs <= 1 { return body(0..<count) }
      DispatchQueue.concurrentPerform(iterations: runs) { body($0 * grain..<min(count, ($0 + 1) * grain)) }
    }
  }

  /// A range of this device's memory; keeps it alive in the commands that capture it.
  struct Bytes: Sendable {
    // Inside `owner`; the queue orders the accesses of all commands.
    nonisolated(unsafe) let address: UnsafeMutableRawPointer
    let owner: HostMemory
  }

  func bytes(of memory: DeviceMemory, _ byteOffset: Int, _ byteCount: Int) throws -> Bytes {
    try memory.checkRange(byteOffset, byteCount)
    guard case .host(let owner) = memory.storage else { throw ComputeError.foreignMemory(device: name) }
    return Bytes(address: owner.address + byteOffset, owner: owner)
  }
}
