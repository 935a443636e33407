// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

/// What was measured of one collective. Seconds, bytes and rates are plain numbers; a null was not measured.
public struct CollectiveRecord: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// `collectives`.
  public let bench: String
  /// The selector of each rank.
  public let devices: [String]
  /// Ranks of the mesh.
  public let ranks: Int
  /// How data went from rank to rank: `context` or `hostStaged`.
  public let transport: TransportKind
  /// Which collective.
  public let operation: CollectiveOperation
  /// What was moved or added.
  public let dtype: ElementType
  /// Bytes of the largest operand of a rank.
  public let bytes: Int
  /// Elements of an operand, or of one rank's piece where operands are cut.
  public let count: Int
  /// Repetitions that the figures are from.
  public let repeats: Int
  /// Median time (p50), from the call until the result is on all ranks.
  public let secondsMedian: Double
  /// Shortest time.
  public let secondsMin: Double
  /// The time that 99 of 100 repetitions do not exceed.
  public let secondsP99: Double
  /// Collectives of a chain.
  public let chainLength: Int
  /// Median time of one in a chain that is enqueued back to back.
  public let chainSeconds: Double
  /// `bytes` / `secondsMedian`, per second.
  public let algorithmBandwidth: Double
  /// `algorithmBandwidth` times the collective's bus factor.
  public let busBandwidth: Double
  /// Elements on all ranks that are not the exact result.
  @Nullable public private(set) var wrong: Int?
  /// Median time in place; null where there is no such form.
  @Nullable public private(set) var inPlaceSecondsMedian: Double?
  /// Shortest time in place.
  @Nullable public private(set) var inPlaceSecondsMin: Double?
  /// The time in place that 99 of 100 repetitions do not exceed.
  @Nullable public private(set) var inPlaceSecondsP99: Double?
  /// `bytes` / `inPlaceSecondsMedian`, per second.
  @Nullable public private(set) var inPlaceAlgorithmBandwidth: Double?
  /// `inPlaceAlgorithmBandwidth` times the collective's bus factor.
  @Nullable public private(set) var inPlaceBusBandwidth: Double?
  /// Elements on all ranks that are not the exact result in place.
  @Nullable public private(set) var inPlaceWrong: Int?
  /// Whether no element was wrong; null where nothing was checked.
  @Nullable public private(set) var verified: Bool?

  /// Times, and what the checks found.
  struct Measurement {
    let apart, chain: Samples
    let chainLength: Int
    let inPlace: Samples?
    let wrong, wrongInPlace: Int?
  }

  init(_ workload: CollectiveWorkload, on mesh: DeviceMesh, _ measurement: Measurement) throws {
    schema = "shardcl.bench.collectives/1"
    bench = "collectives"
    devices = mesh.ranks.map(\.device.selector)
    ranks = mesh.count
    transport = mesh.communicator.transportKind
    operation = workload.operation
    dtype = workload.elementType
    bytes = try workload.size(ranks: mesh.count)
    count = try workload.count(ranks: mesh.count)
    repeats = measurement.apart.values.count
    secondsMedian = measurement.apart.median
    secondsMin = measurement.apart.minimum
    secondsP99 = measurement.apart.percentile(99)
    chainLength = measurement.chainLength
    chainSeconds = measurement.chain.median
    let factor = workload.operation.busFactor(ranks: mesh.count)
    algorithmBandwidth = Double(bytes) / secondsMedian
    busBandwidth = algorithmBandwidth * factor
    wrong = measurement.wrong
    inPlaceSecondsMedian = measurement.inPlace?.median
    inPlaceSecondsMin = measurement.inPlace?.minimum
    inPlaceSecondsP99 = measurement.inPlace?.percentile(99)
    let inPlaceRate = measurement.inPlace.map { [bytes] in Double(bytes) / $0.median }
    inPlaceAlgorithmBandwidth = inPlaceRate
    inPlaceBusBandwidth = inPlaceRate.map { $0 * factor }
    inPlaceWrong = measurement.wrongInPlace
    verified = measurement.wrong.map { $0 == 0 && (measurement.wrongInPlace ?? 0) == 0 }
  }

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey, CaseIterable {
    case schema, bench, devices, ranks, transport, operation, dtype, bytes, count, repeats, wrong, verified
    case secondsMedian = "seconds_median"
    case secondsMin = "seconds_min"
    case secondsP99 = "seconds_p99"
    case chainLength = "chain_length"
    case chainSeconds = "chain_seconds"
    case algorithmBandwidth = "algbw_bytes_per_second"
    case busBandwidth = "busbw_bytes_per_second"
    case inPlaceSecondsMedian = "in_place_seconds_median"
    case inPlaceSecondsMin = "in_place_seconds_min"
    case inPlaceSecondsP99 = "in_place_seconds_p99"
    case inPlaceAlgorithmBandwidth = "in_place_algbw_bytes_per_second"
    case inPlaceBusBandwidth = "in_place_busbw_bytes_per_second"
    case inPlaceWrong = "in_place_wrong"
  }
}
