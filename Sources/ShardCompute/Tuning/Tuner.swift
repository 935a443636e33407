// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Searches the parameters of the kernel that runs a product on one device.
///
/// Coordinate descent: one tunable after the other, its values race against the best so far, until a round over all
/// tunables changes nothing or the time is up. Whatever is timed had the formula's bits before; the winner must beat the
/// formula once more, in turns with it.
package struct Tuner: Sendable {
  /// The device.
  package let device: OpenCLDevice
  /// Seconds for the search of one product; building kernels may take longer.
  package let seconds: Double
  /// What operands follow from.
  package let seed: UInt64
  /// How much faster than the formula parameters must be to be kept.
  package static let neededRatio = 1.02

  package init(_ device: OpenCLDevice, seconds: Double, seed: UInt64 = 1) {
    (self.device, self.seconds, self.seed) = (device, seconds, seed)
  }

  /// Searches parameters for `shape`; `progress` is told how much of the time has passed, 0 to 1.
  ///
  /// - Throws: `ComputeError.unsupported` where no kernel runs the product; the driver's error. Parameters that do not
  ///   launch are passed over.
  package func tune(_ shape: TuningShape, progress: @escaping (Double) -> Void = { _ in }) async throws -> TuningResult
  {
    let problem = try TuningProblem(shape, on: device, seed: seed)
    let piece = try problem.products[0].pieces[0]
    guard try problem.products[0].pieces.count == 1 else {
      throw ComputeError.unsupported(
        "tuning \(shape.m)x\(shape.n)x\(shape.k), whose weight lies in several pieces; tune one of \(piece.n) columns")
    }
    // No kernel is compiled on the calling thread, not even to find out whether it can be.
    var kernel: (any ProductKernel.Type)?
    try await device.enqueue { kernel = try GEMM.kernel(for: piece, on: device) }
    guard let kernel else { preconditionFailure("a kernel or an error") }
    return try await search(kernel, shape, problem, progress)
  }

  /// The same for a kernel that is known.
  func search<K: ProductKernel>(
    _ kernel: K.Type, _ shape: TuningShape, _ problem: TuningProblem, _ progress: @escaping (Double) -> Void
  ) async throws -> TuningResult {
    let product = problem.products[0]
    let formula = K.formula(product, on: device)
    let expected = try await problem.bits { try K.launch($0, formula, on: device) }
    _ = try await problem.seconds(1, from: 0) { try K.launch($0, formula, on: device) }
    let once = try await problem.seconds(2, from: 0) { try K.launch($0, formula, on: device) }
    // Waiting for a device costs microseconds: what is timed is long against that.
    let repeats = max(1, min(1000, Int(Self.sampleSeconds / max(once, 1e-6))))
    var first = 0
    let start = ContinuousClock.now
    let race = Race<K.Parameters>(
      seconds: { parameters in
        try Task.checkCancellation()
        progress(min(1, start.duration(to: .now).seconds / max(seconds, 1e-9)))
        first = (first + repeats) % problem.products.count
        return try await problem.seconds(repeats, from: first) { try K.launch($0, parameters, on: device) }
      }, deadline: start + .seconds(seconds))

    var search = Search<K.Parameters>(best: formula)
    repeat {
      search.hasChanged = false
      for tunable in K.tunables(product, on: device) where ContinuousClock.now < race.deadline {
        var contestants = [search.best]
        for variant in tunable.variants(search.best) where search.tried.insert(variant).inserted {
          if ContinuousClock.now >= race.deadline { break }
          guard K.refusal(of: variant, product, on: device) == nil else { continue }
          progress(min(1, start.duration(to: .now).seconds / max(seconds, 1e-9)))
          switch try? await problem.bits({ try K.launch($0, variant, on: device) }) {
          case expected?: contestants.append(variant)
          case nil: search.failures += 1
          default: search.wrong.append(try ParameterValues(variant))
          }
        }
        let winner = try await race.winner(of: contestants)
        if winner != search.best { (search.best, search.hasChanged) = (winner, true) }
      }
    } while search.hasChanged && ContinuousClock.now < race.deadline

    let duel = try await race.duel(formula, search.best, rounds: Self.duelRounds)
    let ratio = duel.first.median / duel.second.median
    let isFaster = search.best != formula && ratio > Self.neededRatio
    let operations = 2 * Double(shape.m) * Double(shape.n) * Double(shape.k) * 1e-9
    let formulaRate = operations / duel.first.median
    return TuningResult(
      shape: shape, kernel: K.name, formula: try ParameterValues(formula),
      parameters: try ParameterValues(isFaster ? search.best : formula), formulaGFLOPS: formulaRate,
      gflops: isFaster ? operations / duel.second.median : formulaRate, isFaster: isFaster,
      candidates: search.tried.count, failures: search.failures, wrong: search.wrong,
      seconds: start.duration(to: .now).seconds)
  }

  /// Seconds that one sample takes at least.
  private static let sampleSeconds = 2e-3
  private static let duelRounds = 15

  private struct Search<Parameters: Hashable> {
    var best: Parameters
    var tried: Set<Parameters>
    var hasChanged = false
    var failures = 0
    var wrong: [ParameterValues] = []

    init(best: Parameters) { (self.best, tried) = (best, [best]) }
  }
}

/// What a search found.
package struct TuningResult: Hashable, Sendable {
  /// What was tuned for.
  package let shape: TuningShape
  /// The kernel that runs it.
  package let kernel: String
  /// The formula's parameters.
  package let formula: ParameterValues
  /// The fastest parameters; the formula's unless others were clearly faster.
  package let parameters: ParameterValues
  /// The rate with the formula's, in 10⁹ operations per second.
  package let formulaGFLOPS: Double
  /// The rate with `parameters`.
  package let gflops: Double
  /// Whether `parameters` are better than the formula's.
  package let isFaster: Bool
  /// Sets of parameters that were considered.
  package let candidates: Int
  /// Those that the device did not run.
  package let failures: Int
  /// Those whose result had other bits than the formula's: a fault of the kernel.
  package let wrong: [ParameterValues]
  /// What the search took.
  package let seconds: Double
}

extension TuningDatabase {
  /// Keeps what `result` found for devices like `device`.
  ///
  /// Where nothing is faster than the formula there is no entry, unless one ships that would then be used.
  /// - Returns: The file that holds the entry; nil for none.
  package func store(_ result: TuningResult, on device: OpenCLDevice, date: Date = .now) throws -> URL? {
    let identity = try device.identity()
    let shapeClass = result.shape.shapeClass
    let key = TuningEntry.Key(kernel: result.kernel, shapeClass)
    guard result.isFaster || device.tuning.has(.shipped, key) else {
      try store(nil, for: key, on: identity)
      return nil
    }
    let entry = TuningEntry(
      kernel: result.kernel, shapeClass, result.parameters, gflops: result.gflops,
      formulaGFLOPS: result.formulaGFLOPS, date: date.formatted(.iso8601.year().month().day()))
    try store(entry, for: key, on: identity)
    return file(for: identity)
  }
}
