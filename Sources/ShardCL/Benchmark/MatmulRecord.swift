// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// What was measured of one sharded product. Seconds and rates are plain numbers; a null was not measured.
public struct MatmulRecord: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// `matmul`.
  public let bench: String
  /// The selector of each rank.
  public let devices: [String]
  /// Ranks of the mesh.
  public let ranks: Int
  /// Rows of the activations and of the result.
  public let m: Int
  /// Columns of the result.
  public let n: Int
  /// Terms of a sum.
  public let k: Int
  /// How the weight is stored on the devices.
  public let dtype: WeightFormat
  /// How the weight is stored in the model file; the dtype for random weights.
  public let weightFormat: String
  /// The layer of the model; null for random weights.
  @Nullable public private(set) var layer: String?
  /// How the product is spread over ranks.
  public let layout: ProductLayout
  /// How exact the product had to be.
  public let arithmetic: Arithmetic
  /// The kernel of each rank; `none` for a rank without work.
  public let kernels: [String]
  /// Repetitions that the figures are from.
  public let repeats: Int
  /// Median time, activations packed and result on every rank.
  public let secondsMedian: Double
  /// Shortest time.
  public let secondsMin: Double
  /// 2 · m · n · k / `secondsMedian`, in 10⁹ per second.
  public let gflops: Double
  /// Rate of an fma loop on the same devices, in turns with the product, in 10⁹ per second.
  public let peakGFLOPS: Double
  /// `gflops` / `peakGFLOPS`.
  public let peakFraction: Double
  /// Median time of the product on the first rank's device alone, in turns with it, / `secondsMedian`.
  public let speedupVsOneRank: Double
  /// Median time of the collective alone.
  public let communicationSeconds: Double
  /// The largest error in units of (k + 8) · 2⁻²⁴ · Σ|a||b| and what kernels of reduced arithmetic round.
  @Nullable public private(set) var maxErrorOverBound: Double?
  /// Whether the result is equal to the CPU fallback's bit for bit.
  @Nullable public private(set) var sameBits: Bool?
  /// Whether the result was checked and right: within the bound, and of the same bits unless a kernel of reduced
  /// arithmetic ran; null where it was not checked.
  @Nullable public private(set) var verified: Bool?

  /// What measurement and check say.
  init(
    _ problem: MatmulProblem, on mesh: DeviceMesh, _ arithmetic: Arithmetic, _ kernels: [String],
    _ samples: MatmulBenchmark.Measurement, _ check: ProductCheck?
  ) {
    schema = "shardcl.bench.matmul/1"
    bench = "matmul"
    devices = mesh.ranks.map(\.device.selector)
    ranks = mesh.count
    (m, n, k) = (problem.m, problem.n, problem.k)
    dtype = problem.weight.format
    weightFormat = problem.weightFormat
    layer = problem.layer
    layout = problem.layout
    self.arithmetic = arithmetic
    self.kernels = kernels
    repeats = samples.product.values.count
    secondsMedian = samples.product.median
    secondsMin = samples.product.minimum
    gflops = 2 * Double(problem.m) * Double(problem.n) * Double(problem.k) / secondsMedian * 1e-9
    peakGFLOPS = samples.peak.median * 1e-9
    peakFraction = gflops / peakGFLOPS
    speedupVsOneRank = samples.alone.map { [secondsMedian] in $0.median / secondsMedian } ?? 1
    communicationSeconds = samples.collective?.median ?? 0
    // JSON has no infinity, which is what a NaN in the wrong place counts as.
    maxErrorOverBound = check.map { min($0.largestErrorOverBound, .greatestFiniteMagnitude) }
    sameBits = check?.sameBits
    verified = check?.isRight
  }

  /// Whether `arithmetic` allowed more rounding than the kernel of some rank made use of.
  package var isMoreExactThanAsked: Bool {
    arithmetic == .reduced && kernels.contains { $0 != "none" && ReducedKernels.among([$0]).isEmpty }
  }

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey, CaseIterable {
    case schema, bench, devices, ranks, m, n, k, dtype, layer, layout, arithmetic, kernels, repeats, gflops, verified
    case weightFormat = "weight_format"
    case secondsMedian = "seconds_median"
    case secondsMin = "seconds_min"
    case peakGFLOPS = "peak_gflops"
    case peakFraction = "peak_fraction"
    case speedupVsOneRank = "speedup_vs_one_rank"
    case communicationSeconds = "communication_seconds"
    case maxErrorOverBound = "max_error_over_bound"
    case sameBits = "same_bits"
  }
}
