// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import Synchronization

/// A device or sub-device that is driven through OpenCL.
///
/// Devices made with one `Context` can address each other's memory.
public final class OpenCLDevice: ComputeDevice {
  /// What `--devices` calls the device.
  public let selector: String
  /// What the driver calls the device.
  public let name: String
  /// What the choice of kernels depends on.
  public let capabilities: Capabilities
  /// Rows of a weight in a panel.
  public var weightPanelWidth: Int { tiles.weightPanelWidth }
  /// The OpenCL device.
  public let device: Device
  /// Devices of one context share memory.
  public let context: Context
  let queue: Queue
  let library: KernelLibrary
  let workspace = Workspace()
  let tiles: TileShapes
  let probes = Probes()
  /// Whether kernels for instructions that the device lacks run with an emulation of these.
  let emulatesInstructions: Bool
  /// Whether the driver is NVIDIA's, whose compiler takes PTX.
  let isNVIDIA: Bool
  /// What the driver can do beyond its version of OpenCL.
  let extensions: Set<String>
  /// Parameters of kernels that were measured on such devices.
  package let tuning: TuningTable
  private let account: MemoryAccount
  private let waiter: EventWaiter
  /// What the device passes to kernels for memory of zero bytes.
  private let placeholder: Buffer
  /// Host memory that commands still use, with the event after which they no longer do.
  private let inFlight = Mutex<[(event: Event, memory: HostMemory)]>([])

  /// Opens `device` as part of `context`.
  ///
  /// - Parameters:
  ///   - architecture: Which kernels to run, by default the device's own kind; a CPU runs a GPU's kernels too, slowly,
  ///     which is how they are tested where there is no GPU.
  ///   - vectorWidth: Floats of a vector in the kernels, by default the device's own; narrower ones are for tests too.
  ///   - maximumAllocationByteCount: The largest allocation where it is to be smaller than the device's own, which
  ///     splits weights sooner.
  ///   - emulatesInstructions: Whether to run kernels for instructions that the device lacks, with a slow emulation of
  ///     these: to test them where there is no such device.
  ///   - tuning: Where parameters that were measured are looked up.
  ///
  /// A device that does not report `CL_FP_FMA` is taken too: OpenCL C rounds `fma` correctly everywhere, and Intel's CPU
  /// runtime has the instruction without saying so.
  /// - Throws: `OpenCLError`; `ComputeError.unsupported` for a device that cannot run the library's kernels,
  ///   `.tuningFile` for tuned parameters that cannot be read.
  public init(
    selector: String, device: Device, context: Context, cache: ProgramCache,
    architecture: Capabilities.Architecture? = nil, vectorWidth: Int? = nil,
    maximumAllocationByteCount: Int = .max, emulatesInstructions: Bool = false,
    tuning: TuningDatabase = TuningDatabase()
  ) throws {
    guard try device.hasCompiler, try device.isAvailable else {
      throw ComputeError.unsupported("\(device.name) has no compiler or is not available")
    }
    self.selector = selector
    self.device = device
    self.context = context
    name = device.name
    capabilities = Capabilities(
      architecture: architecture ?? (device.kind.contains(.cpu) ? .cpu : .gpu), computeUnits: try device.computeUnits,
      vectorWidth: max(4, try vectorWidth ?? device.nativeFloatVectorWidth), cacheByteCount: try device.cacheByteCount,
      localMemoryByteCount: try device.localMemoryByteCount,
      maximumWorkGroupSize: try device.maximumWorkGroupSize,
      maximumAllocationByteCount: min(maximumAllocationByteCount, try device.maximumAllocationByteCount),
      memoryByteCount: try device.globalMemoryByteCount, hasUnifiedMemory: try device.hasUnifiedMemory)
    tiles = TileShapes(capabilities, isPoCL: device.platform.isPoCL)
    self.emulatesInstructions = emulatesInstructions
    extensions = try device.extensions
    isNVIDIA = extensions.contains { $0.hasPrefix("cl_nv_") }
    self.tuning = try tuning.table(for: TunedDevice(device))
    queue = try Queue(context: context, device: device)
    library = KernelLibrary(context: context, device: device, cache: cache)
    account = try .of(device)
    waiter = EventWaiter(name: "shardcl \(selector)")
    placeholder = try Buffer(context: context, byteCount: 64)
  }

  /// Commands that were enqueued go on, and the waiter's thread lets go of the host memory that they use afterwards.
  deinit {
    try? queue.flush()
    inFlight.withLock { for entry in $0 { waiter.keep(entry.memory, until: entry.event) } }
  }

  /// The same device once more, with a queue and a context of its own.
  func twin() throws -> OpenCLDevice {
    try OpenCLDevice(
      selector: selector, device: device, context: Context(devices: [device]), cache: library.cache,
      architecture: capabilities.architecture, vectorWidth: capabilities.vectorWidth,
      emulatesInstructions: emulatesInstructions, tuning: TuningDatabase(folder: nil))
  }

  /// Allocates memory, contents undefined.
  public func allocate(byteCount: Int) throws -> DeviceMemory {
    guard byteCount >= 0, byteCount <= capabilities.maximumAllocationByteCount else {
      throw ComputeError.allocationTooLarge(
        byteCount: byteCount, limit: capabilities.maximumAllocationByteCount, device: name)
    }
    guard byteCount > 0 else { return DeviceMemory(byteCount: 0, storage: .empty) }
    return try account.allocate(byteCount, device: name) {
      .buffer(try Buffer(context: context, byteCount: byteCount))
    }
  }

  /// Enqueues a copy from host memory.
  public func write(
    _ source: HostMemory, at sourceOffset: Int, byteCount: Int, to destination: DeviceMemory, at byteOffset: Int
  ) throws {
    try source.checkRange(sourceOffset, byteCount)
    try destination.checkRange(byteOffset, byteCount)
    guard byteCount > 0 else { return }
    let event = try queue.write(
      source.address + sourceOffset, byteCount: byteCount, to: try buffer(destination), at: byteOffset)
    keep(source, until: event)
  }

  /// Enqueues a copy to host memory.
  public func read(
    _ source: DeviceMemory, at byteOffset: Int, byteCount: Int, into destination: HostMemory, at hostOffset: Int
  ) throws {
    try destination.checkRange(hostOffset, byteCount, writing: true)
    try source.checkRange(byteOffset, byteCount)
    guard byteCount > 0 else { return }
    let event = try queue.read(
      try buffer(source), at: byteOffset, byteCount: byteCount, into: destination.address + hostOffset)
    keep(destination, until: event)
  }

  /// Enqueues the copy of a matrix.
  public func copy(_ source: MatrixView, to destination: MatrixView) throws {
    try source.checkCopy(to: destination)
    guard source.rows > 0, source.columns > 0 else { return }
    let size = source.elementType.byteCount
    try queue.copy(
      from: try buffer(source.memory), Queue.Rows(byteOffset: source.offset * size, pitch: source.rowStride * size),
      to: try buffer(destination.memory),
      Queue.Rows(byteOffset: destination.offset * size, pitch: destination.rowStride * size),
      rowByteCount: source.columns * size, rows: source.rows)
  }

  /// Enqueues setting bytes to repetitions of `pattern`.
  public func fill(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, with pattern: UInt32) throws {
    guard byteOffset % 4 == 0, byteCount % 4 == 0 else {
      throw ComputeError.outOfBounds("fill of \(byteCount) bytes at \(byteOffset); both must be multiples of 4")
    }
    try memory.checkRange(byteOffset, byteCount)
    guard byteCount > 0 else { return }
    try queue.fill(try buffer(memory), at: byteOffset, byteCount: byteCount, with: pattern)
  }

  /// Makes memory visible to host code once everything before is done.
  public func beginAccess(
    _ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool
  ) async throws -> HostAccess {
    try memory.checkRange(byteOffset, byteCount)
    guard byteCount > 0 else { return HostAccess(address: HostMemory.nowhere, byteCount: 0, keepAlive: memory) }
    let mapping = try queue.map(
      try buffer(memory), at: byteOffset, byteCount: byteCount, for: writing ? .readWrite : .read)
    guard let address = mapping.bytes.baseAddress else {
      throw OpenCLError(call: "clEnqueueMapBuffer", status: .invalidValue, device: name, detail: "no address")
    }
    do {
      try await wait(for: mapping.ready)
    } catch {
      // Nobody else knows of the mapping; the first error is the one to report.
      _ = try? queue.unmap(mapping)
      throw error
    }
    return HostAccess(address: address, byteCount: byteCount, keepAlive: mapping)
  }

  /// Ends an access.
  public func endAccess(_ access: HostAccess) throws {
    if let mapping = access.keepAlive as? Mapping { try queue.unmap(mapping) }
  }

  /// Hands everything enqueued so far to the device.
  public func flush() throws { try queue.flush() }

  /// Suspends until everything enqueued so far is done.
  public func finish() async throws {
    try await wait(for: try queue.marker())
    prune()
  }

  /// Suspends until `event` of this device's queue is done.
  package func wait(for event: Event) async throws {
    try queue.flush()
    try await waiter.wait(for: event)
  }

  /// An event that is done when everything enqueued so far is, nil where nothing ever was; other devices of the context
  /// can wait for it.
  package func signal() throws -> Event? {
    let last = queue.last
    // Another queue may wait for it, and a command that was never handed over never ends.
    try queue.flush()
    return last
  }

  /// Holds back everything enqueued from now on until `events` of other devices of the context are done.
  package func follow(_ events: [Event]) { queue.follow(events) }

  /// The buffer of `memory`; a stand-in that no kernel touches for zero bytes.
  func buffer(_ memory: DeviceMemory) throws -> Buffer {
    switch memory.storage {
    case .empty: return placeholder
    case .buffer(let buffer) where buffer.context === context: return buffer
    case .buffer, .host: throw ComputeError.foreignMemory(device: name)
    }
  }

  private func keep(_ memory: HostMemory, until event: Event) {
    prune()
    inFlight.withLock { $0.append((event, memory)) }
  }

  /// Lets go of host memory whose command is done; in order, so the first that is not done ends the search. One that the
  /// driver cannot tell about counts as not done: its memory may be written yet.
  private func prune() {
    inFlight.withLock { list in
      let done = list.prefix { (try? $0.event.isDone) ?? false }.count
      list.removeFirst(done)
    }
  }
}
