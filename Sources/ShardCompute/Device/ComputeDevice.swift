// SPDX-License-Identifier: Apache-2.0

/// One device with its memory and one in-order queue: what a rank runs on.
///
/// Methods that are not `async` enqueue and return at once; what they enqueue runs in that order. They keep the
/// memory they are given alive until it is done. Two kinds exist: `OpenCLDevice` and `HostDevice`.
///
/// Offsets and counts of memory are bytes, those of matrices elements. Before anything is enqueued, methods throw
/// `ComputeError.outOfBounds` for a range outside its memory, `.foreignMemory` for that of another device, `.mismatch`
/// for operands that do not belong together; or the driver's error.
public protocol ComputeDevice: AnyObject, Sendable {
  /// What `--devices` calls it, such as `pocl:0/2.1` or `host`.
  var selector: String { get }
  /// What the driver calls it.
  var name: String { get }
  /// What the choice of kernels depends on.
  var capabilities: Capabilities { get }
  /// Rows of a weight that lie side by side in one of this device's panels.
  var weightPanelWidth: Int { get }

  /// Allocates `byteCount` (≥ 0) bytes, contents undefined.
  ///
  /// - Throws: `ComputeError.allocationTooLarge` or `.outOfMemory`, before anything runs; the driver's error.
  func allocate(byteCount: Int) throws -> DeviceMemory

  /// Copies bytes of `source` into `destination`.
  func write(
    _ source: HostMemory, at sourceOffset: Int, byteCount: Int, to destination: DeviceMemory, at byteOffset: Int)
    throws
  /// Copies bytes of `source` into host memory; they are there after `finish()`.
  func read(
    _ source: DeviceMemory, at byteOffset: Int, byteCount: Int, into destination: HostMemory, at hostOffset: Int)
    throws
  /// Copies a matrix between two blocks that this device can address, which must not overlap: equal shapes and types,
  /// each row-major.
  func copy(_ source: MatrixView, to destination: MatrixView) throws
  /// Sets bytes to repetitions of `pattern`; offset and count are multiples of 4.
  func fill(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, with pattern: UInt32) throws

  /// Rearranges matrices into the panels of `weight`, padding with zeros.
  ///
  /// - Throws: also `ComputeError.unsupported` for sides over 2³¹ − 65 on OpenCL devices.
  func pack(_ source: MatrixBatch, into weight: Weight) throws
  /// Rearranges rows of quantised blocks, as a file has them without gaps, into the panels of `weight`.
  ///
  /// - Throws: also `ComputeError.mismatch` where `blocks` has fewer bytes than the weight's rows.
  func pack(blocks: DeviceMemory, into weight: Weight) throws
  /// Runs a product; see `Product`.
  ///
  /// - Throws: also `ComputeError.unsupported` where no kernel runs it, or for sides over 2³¹ − 65 on OpenCL devices.
  func multiply(_ product: Product) throws
  /// Adds `bias` (one row of f32) to every row of `matrix` (f32, row-major).
  func addBias(_ bias: MatrixView, to matrix: MatrixView) throws
  /// Runs an attention; see `Attention`.
  ///
  /// - Throws: also `ComputeError.mismatch` for a plan with more rows than the operands, or one without sequences.
  func attend(_ attention: Attention) throws
  /// Joins the nodes that several ranks have of an attention.
  func join(_ join: AttentionJoin) throws
  /// Stores new keys and values; see `KVAppend`.
  ///
  /// - Throws: also `ComputeError.mismatch` for rows or positions of the plan that the operands do not have.
  func append(_ append: KVAppend) throws
  /// Joins addends element by element; see `Reduction`.
  func reduce(_ reduction: Reduction) throws

  /// Norms rows; see `Norm`.
  ///
  /// - Throws: as the others below also `ComputeError.unsupported` for sides over 2³¹ − 65.
  func normalise(_ norm: Norm) throws
  /// Runs a softmax of rows; see `Softmax`.
  func softmax(_ softmax: Softmax) throws
  /// Turns heads by rotary embedding; see `Rotation`.
  func rotate(_ rotation: Rotation) throws
  /// Applies activations, gates or factors to each element; see `Elementwise`.
  func apply(_ operation: Elementwise) throws
  /// Looks rows of a weight up; see `LookUp`.
  func lookUp(_ look: LookUp) throws
  /// Finds the largest values of rows; see `TopK`.
  func findTop(_ top: TopK) throws
  /// Sums exponentials over the leaves of rows; see `LeafSums`.
  func sumLeaves(_ sums: LeafSums) throws
  /// Joins the leaves' sums; see `LogSumExp`.
  func joinLeaves(_ join: LogSumExp) throws

  /// Runs `steps` steps of independent fma chains in registers on every core or compute unit, for measuring.
  ///
  /// - Returns: the floating-point operations of all.
  func enqueueFMALoop(steps: Int) throws -> Double
  /// Reads `memory` once, for measuring.
  ///
  /// - Returns: the bytes read; a remainder that does not divide among the cores is left out.
  func enqueueReadLoop(_ memory: DeviceMemory) throws -> Double
  /// Copies `source` into the beginning of `target` on all cores or compute units, for measuring.
  ///
  /// - Returns: the bytes read and written; a remainder that does not divide among the cores is left out.
  func enqueueCopyLoop(_ source: DeviceMemory, to target: DeviceMemory) throws -> Double

  /// Makes device memory visible to host code once everything enqueued before is done; copies nothing where memory is
  /// shared. Nothing may be enqueued on the range until `endAccess`.
  func beginAccess(_ memory: DeviceMemory, at byteOffset: Int, byteCount: Int, writing: Bool) async throws -> HostAccess
  /// Ends an access; commands enqueued afterwards see what host code wrote.
  func endAccess(_ access: HostAccess) throws

  /// Hands everything enqueued so far to the device; a driver may hold commands back until then.
  func flush() throws
  /// Suspends until everything enqueued so far is done.
  ///
  /// - Throws: the error of a command that failed while it ran.
  func finish() async throws
}

/// Device memory that host code may touch until `endAccess`.
public struct HostAccess: Sendable {
  // Valid until `endAccess`, which the device's contract asks for; memory is kept alive by `keepAlive`.
  nonisolated(unsafe) package let address: UnsafeMutableRawPointer
  /// Size in bytes.
  public let byteCount: Int
  package let keepAlive: any Sendable

  package init(address: UnsafeMutableRawPointer, byteCount: Int, keepAlive: any Sendable) {
    self.address = address
    self.byteCount = byteCount
    self.keepAlive = keepAlive
  }

  /// Calls `body` with the bytes.
  public func withBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    try body(UnsafeMutableRawBufferPointer(start: address, count: byteCount))
  }
}

extension ComputeDevice {
  /// Allocates and fills memory with a copy of `values`.
  ///
  /// - Throws: `ComputeError.allocationTooLarge`, or the driver's error.
  public func upload<T: BitwiseCopyable>(_ values: [T]) throws -> DeviceMemory {
    try upload(HostMemory(values))
  }

  /// Allocates memory for `source` and copies it there.
  ///
  /// - Throws: `ComputeError.allocationTooLarge`, or the driver's error.
  public func upload(_ source: HostMemory) throws -> DeviceMemory {
    let memory = try allocate(byteCount: source.byteCount)
    try write(source, at: 0, byteCount: source.byteCount, to: memory, at: 0)
    return memory
  }

  /// Waits for everything enqueued so far and returns the contents of `memory`; a remainder smaller than one value is
  /// left out.
  public func download<T: BitwiseCopyable>(_ memory: DeviceMemory, as type: T.Type = T.self) async throws -> [T] {
    let host = HostMemory(byteCount: memory.byteCount)
    try read(memory, at: 0, byteCount: memory.byteCount, into: host, at: 0)
    try await finish()
    return host.array(of: type)
  }
}
