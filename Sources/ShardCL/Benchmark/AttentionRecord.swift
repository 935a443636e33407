// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// What was measured of one attention. Seconds and rates are plain numbers; a null was not measured.
public struct AttentionRecord: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// `attention`.
  public let bench: String
  /// The selector of each rank.
  public let devices: [String]
  /// Ranks of the mesh.
  public let ranks: Int
  /// What is cut over the ranks.
  public let cut: AttentionWorkload.Cut
  /// Heads of the queries.
  public let queryHeads: Int
  /// Heads of keys and values.
  public let kvHeads: Int
  /// Numbers of a key in a head.
  public let keySize: Int
  /// Numbers of a value in a head.
  public let valueSize: Int
  /// Sequences side by side.
  public let sequences: Int
  /// Queries of each.
  public let queries: Int
  /// Keys of each.
  public let keys: Int
  /// `all`, `causal` or `window`.
  public let span: String
  /// The length of the window; null where there is none.
  @Nullable public private(set) var window: Int?
  /// How keys and values are stored.
  public let kvFormat: KVFormat
  /// Repetitions that the figures are from.
  public let repeats: Int
  /// Median time, keys and values in the cache, the result joined.
  public let secondsMedian: Double
  /// Shortest time.
  public let secondsMin: Double
  /// Operations of the pairs that are seen / `secondsMedian`, in 10⁹ per second.
  public let gflops: Double
  /// Rate of an fma loop on the same devices, in turns with the attention, in 10⁹ per second.
  public let peakGFLOPS: Double
  /// `gflops` / `peakGFLOPS`.
  public let peakFraction: Double
  /// Bytes of the keys and values that are seen, as they are stored.
  public let cacheBytes: Double
  /// `cacheBytes` / `secondsMedian` over the rate at which the devices read memory, in turns.
  public let readFraction: Double
  /// Median time of storing all keys and values.
  public let appendSeconds: Double
  /// Median time on the first rank's device alone / `secondsMedian`.
  public let speedupVsOneRank: Double
  /// Median time of the join alone.
  public let communicationSeconds: Double
  /// The largest error in units of the bound of `AttentionReference`.
  @Nullable public private(set) var maxErrorOverBound: Double?
  /// Whether the result is equal to the CPU fallback's bit for bit.
  @Nullable public private(set) var sameBits: Bool?
  /// Whether the result was checked and right; null where it was not checked.
  @Nullable public private(set) var verified: Bool?

  /// Times, and rates per second.
  struct Measurement {
    let attention, append, peak, read: Samples
    let alone, join: Samples?
  }

  init(
    _ workload: AttentionWorkload, on mesh: DeviceMesh, _ samples: Measurement, _ check: AttentionRun.Check?
  ) {
    schema = "shardcl.bench.attention/1"
    bench = "attention"
    devices = mesh.ranks.map(\.device.selector)
    ranks = mesh.count
    cut = workload.cut
    (queryHeads, kvHeads) = (workload.heads.queryHeads, workload.heads.kvHeads)
    (keySize, valueSize) = (workload.heads.keySize, workload.heads.valueSize)
    (sequences, queries, keys) = (workload.sequences, workload.queries, workload.keys)
    (span, window) =
      switch workload.rule.span {
      case .all: ("all", nil)
      case .causal: ("causal", nil)
      case .window(let length): ("window", length)
      }
    kvFormat = workload.format
    repeats = samples.attention.values.count
    secondsMedian = samples.attention.median
    secondsMin = samples.attention.minimum
    gflops = workload.flops / secondsMedian * 1e-9
    peakGFLOPS = samples.peak.median * 1e-9
    peakFraction = gflops / peakGFLOPS
    cacheBytes = workload.cacheByteCount
    readFraction = cacheBytes / secondsMedian / samples.read.median
    appendSeconds = samples.append.median
    speedupVsOneRank = samples.alone.map { [secondsMedian] in $0.median / secondsMedian } ?? 1
    communicationSeconds = samples.join?.median ?? 0
    // JSON has no infinity.
    maxErrorOverBound = check.map { min($0.largestErrorOverBound, .greatestFiniteMagnitude) }
    sameBits = check?.sameBits
    verified = check?.isRight
  }

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey, CaseIterable {
    case schema, bench, devices, ranks, cut, sequences, queries, keys, span, window, repeats, gflops, verified
    case queryHeads = "query_heads"
    case kvHeads = "kv_heads"
    case keySize = "key_size"
    case valueSize = "value_size"
    case kvFormat = "kv_format"
    case secondsMedian = "seconds_median"
    case secondsMin = "seconds_min"
    case peakGFLOPS = "peak_gflops"
    case peakFraction = "peak_fraction"
    case cacheBytes = "cache_bytes"
    case readFraction = "read_fraction"
    case appendSeconds = "append_seconds"
    case speedupVsOneRank = "speedup_vs_one_rank"
    case communicationSeconds = "communication_seconds"
    case maxErrorOverBound = "max_error_over_bound"
    case sameBits = "same_bits"
  }
}
