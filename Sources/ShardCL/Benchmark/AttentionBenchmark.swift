// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// An attention to measure: equal sequences, whose queries are those of their last keys.
public struct AttentionWorkload: Hashable, Sendable {
  /// What is cut over the ranks.
  public enum Cut: String, Hashable, Sendable, Codable, CaseIterable {
    /// Heads: nothing moves.
    case heads
    /// Keys: every rank has all heads, and their sums are joined.
    case keys
  }

  /// Sizes of the heads.
  public let heads: AttentionHeads
  /// Sequences side by side.
  public let sequences: Int
  /// Queries of each: 1 is decode, more are prefill.
  public let queries: Int
  /// Keys of each.
  public let keys: Int
  /// Span, scale and soft-cap.
  public let rule: AttentionRule
  /// How keys and values are stored.
  public let format: KVFormat
  /// What is cut over the ranks.
  public let cut: Cut

  /// - Throws: `ComputeError.mismatch` for fewer keys than queries, or sizes that are not possible.
  public init(
    heads: AttentionHeads, sequences: Int = 1, queries: Int, keys: Int, rule: AttentionRule, format: KVFormat = .f32,
    cut: Cut = .heads
  ) throws {
    guard (1...1 << 20).contains(sequences), queries >= 1, keys >= queries, keys <= 1 << 28 else {
      throw ComputeError.mismatch(
        "\(sequences) sequences of \(queries) queries and \(keys) keys; 1 or more sequences and queries, as many keys or "
          + "more")
    }
    try format.check(heads)
    self.heads = heads
    self.sequences = sequences
    self.queries = queries
    self.keys = keys
    self.rule = rule
    self.format = format
    self.cut = cut
  }

  /// Keys of a block of the cache.
  static let blockLength = 128
  /// Blocks of a sequence.
  var blocksOfSequence: Int { (keys + Self.blockLength - 1) / Self.blockLength }

  /// The sequences one after the other, `rows` rows and blocks of its own each; `keys` are those of this cache.
  func sequences(rows: Int, keys local: Range<Int>? = nil) -> [KVSequence] {
    (0..<sequences).map { index in
      KVSequence(
        queries: index * rows..<(index + 1) * rows, keyCount: keys,
        blocks: Array(index * blocksOfSequence..<(index + 1) * blocksOfSequence), localKeys: local)
    }
  }

  /// Pairs of a query and a key that it sees, of one sequence.
  private var pairs: Double {
    (0..<queries).reduce(0) { $0 + Double(rule.span.seen(by: $1, of: queries, keys: keys).count) }
  }

  /// Floating-point operations: two for each term of a score and of a value's sum.
  public var flops: Double {
    2 * Double(sequences) * pairs * Double(heads.queryHeads) * Double(heads.keySize + heads.valueSize)
  }

  /// Bytes of the keys and values that at least one query sees, as they are stored.
  public var cacheByteCount: Double {
    let first = rule.span.seen(by: 0, of: queries, keys: keys).lowerBound
    let sizes = Double(heads.keyColumns + heads.valueColumns)
    return Double(sequences) * Double(keys - first) * sizes * Double(format.panelByteCount) / 32
  }
}

/// Measures attention over a mesh, and checks it against the CPU.
public struct AttentionBenchmark: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// How long to measure each.
  public let budget: TimingBudget
  /// Whether results are checked.
  public let checks: Bool
  /// What numbers follow from.
  public let seed: UInt64

  /// A benchmark on `mesh`.
  public init(on mesh: DeviceMesh, budget: TimingBudget, checks: Bool = true, seed: UInt64 = 1) {
    self.mesh = mesh
    self.budget = budget
    self.checks = checks
    self.seed = seed
  }

  /// Measures an attention in turns with the same one on the first rank's device alone, with its join alone, with the
  /// storing of its keys and values, with an fma loop and with the reading of memory.
  ///
  /// - Throws: `ShardingError`, `ComputeError`, or the driver's error.
  public func run(_ workload: AttentionWorkload) async throws -> AttentionRecord {
    let attention = try AttentionRun(workload, on: mesh, seed: seed)
    try await attention.append()
    let peak = try await PeakMeter(mesh)
    let reading = try ReadMeter(mesh)
    var bodies: [PairedTiming.Body] = [
      { try await Self.seconds(of: attention.run, on: mesh) },
      { try await Self.seconds(of: attention.append, on: mesh) },
      peak.operationsPerSecond, reading.bytesPerSecond,
    ]
    if mesh.count > 1 {
      let line = try DeviceMesh([mesh.ranks[0].device])
      let alone = try AttentionRun(workload, on: line, seed: seed)
      try await alone.append()
      bodies.append { try await Self.seconds(of: alone.run, on: line) }
      bodies.append { try await Self.seconds(of: attention.communicate, on: mesh) }
    }
    let samples = try await PairedTiming.samples(of: bodies, budget)
    let measurement = AttentionRecord.Measurement(
      attention: samples[0], append: samples[1], peak: samples[2], read: samples[3],
      alone: mesh.count > 1 ? samples[4] : nil, join: mesh.count > 1 ? samples[5] : nil)
    let check = checks ? try await attention.check() : nil
    return AttentionRecord(workload, on: mesh, measurement, check)
  }

  private static func seconds(of body: () async throws -> Void, on mesh: DeviceMesh) async throws -> Double {
    try await PairedTiming.seconds {
      try await body()
      try await mesh.finish()
    }
  }
}

/// The memory limit of a mesh, measured: all devices read, at the same time, memory that no cache holds.
struct ReadMeter {
  private let reads: [(device: any ComputeDevice, memory: DeviceMemory)]

  init(_ mesh: DeviceMesh) throws {
    var reads: [(device: any ComputeDevice, memory: DeviceMemory)] = []
    for rank in mesh.ranks where !reads.contains(where: { $0.device === rank.device }) {
      let capabilities = rank.device.capabilities
      let wanted = max(128 << 20, 4 * capabilities.cacheByteCount) / mesh.count
      let memory = try rank.device.allocate(byteCount: min(wanted, capabilities.maximumAllocationByteCount) & ~65535)
      try rank.device.fill(memory, at: 0, byteCount: memory.byteCount, with: 0x3f80_0000)
      reads.append((rank.device, memory))
    }
    self.reads = reads
  }

  /// Bytes per second of all devices together.
  func bytesPerSecond() async throws -> Double {
    for read in reads { try await read.device.finish() }
    var bytes = 0.0
    let seconds = try await PairedTiming.seconds {
      for read in reads {
        try await read.device.enqueue { bytes += try read.device.enqueueReadLoop(read.memory) }
        try read.device.flush()
      }
      for read in reads { try await read.device.finish() }
    }
    return bytes / seconds
  }
}
