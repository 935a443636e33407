// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// What was measured of one layer. Seconds and rates are plain numbers; a null was not measured.
public struct LayerRecord: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// `layer`.
  public let bench: String
  /// The selector of each rank.
  public let devices: [String]
  /// Ranks of the mesh.
  public let ranks: Int
  /// The model that the layer is of.
  public let layer: String
  /// Sequences side by side.
  public let sequences: Int
  /// Tokens of each.
  public let tokens: Int
  /// Keys of each.
  public let keys: Int
  /// How weights are stored.
  public let dtype: WeightFormat
  /// How keys and values are stored.
  public let kvFormat: KVFormat
  /// Repetitions that the figures are from.
  public let repeats: Int
  /// Median time, to the sum that the next layer adds; the mean over the ranks.
  public let secondsMedian: Double
  /// Shortest time.
  public let secondsMin: Double
  /// Median time of the products alone, the mean over the ranks. So with the three below.
  public let productSeconds: Double
  /// Of rotary embedding, storing keys and values, and attention.
  public let attentionSeconds: Double
  /// Of norms and residuals.
  public let otherSeconds: Double
  /// Of the all-reduces.
  public let collectiveSeconds: Double
  /// What is left of `secondsMedian`: ranks wait for each other, or for launches; 0 where the parts alone take longer.
  public let idleSeconds: Double
  /// Operations of products and attention / `secondsMedian`, in 10⁹ per second.
  public let gflops: Double
  /// Rate of an fma loop on the same devices, in turns with the layer, in 10⁹ per second.
  public let peakGFLOPS: Double
  /// `gflops` / `peakGFLOPS`.
  public let peakFraction: Double
  /// Bytes of weights, keys and values, as they are stored.
  public let readBytes: Double
  /// `readBytes` / `secondsMedian`, as a share of the rate at which all devices read memory.
  public let readFraction: Double
  /// Median time on the first rank's device alone, in turns with it, / `secondsMedian`.
  public let speedupVsOneRank: Double
  /// Whether the result is equal to the CPU fallback's bit for bit; null where it was not checked.
  @Nullable public private(set) var sameBits: Bool?
  /// The same: a layer is right where each operation is, which `shardcl verify` checks.
  @Nullable public private(set) var verified: Bool?

  /// Times, and rates per second.
  struct Measurement {
    let layer: Samples
    let parts: [LayerRun.Part: Samples]
    let peak, read: Samples
    let alone: Samples?
  }

  init(_ workload: LayerWorkload, on mesh: DeviceMesh, _ samples: Measurement, sameBits: Bool?) {
    schema = "shardcl.bench.layer/1"
    bench = "layer"
    devices = mesh.ranks.map(\.device.selector)
    ranks = mesh.count
    layer = workload.shape.name
    (sequences, tokens, keys) = (workload.attention.sequences, workload.attention.queries, workload.attention.keys)
    dtype = workload.format
    kvFormat = workload.attention.format
    repeats = samples.layer.values.count
    secondsMedian = samples.layer.median
    secondsMin = samples.layer.minimum
    func seconds(_ part: LayerRun.Part) -> Double { samples.parts[part]?.median ?? 0 }
    productSeconds = seconds(.products)
    attentionSeconds = seconds(.attention)
    otherSeconds = seconds(.others)
    // One rank has no addends to sum: what is measured is the waiting for nothing.
    collectiveSeconds = mesh.count > 1 ? seconds(.collectives) : 0
    idleSeconds = max(0, secondsMedian - productSeconds - attentionSeconds - otherSeconds - collectiveSeconds)
    gflops = workload.flops / secondsMedian * 1e-9
    peakGFLOPS = samples.peak.median * 1e-9
    peakFraction = gflops / peakGFLOPS
    readBytes = workload.weightByteCount + workload.attention.cacheByteCount
    readFraction = readBytes / secondsMedian / samples.read.median
    speedupVsOneRank = samples.alone.map { [secondsMedian] in $0.median / secondsMedian } ?? 1
    self.sameBits = sameBits
    verified = sameBits
  }

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey, CaseIterable {
    case schema, bench, devices, ranks, layer, sequences, tokens, keys, dtype, repeats, gflops, verified
    case kvFormat = "kv_format"
    case secondsMedian = "seconds_median"
    case secondsMin = "seconds_min"
    case productSeconds = "product_seconds"
    case attentionSeconds = "attention_seconds"
    case otherSeconds = "other_seconds"
    case collectiveSeconds = "collective_seconds"
    case idleSeconds = "idle_seconds"
    case peakGFLOPS = "peak_gflops"
    case peakFraction = "peak_fraction"
    case readBytes = "read_bytes"
    case readFraction = "read_fraction"
    case speedupVsOneRank = "speedup_vs_one_rank"
    case sameBits = "same_bits"
  }
}
