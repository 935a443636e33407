// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@Suite("attention") struct AttentionTests {
  /// The host, an OpenCL device with its own kernels and with those of GPUs, and CPUs with narrower vectors.
  enum Kind: String, CaseIterable, Sendable {
    case host, cpu, gpu, cpu4, cpu8

    func device() throws -> any ComputeDevice {
      switch self {
      case .host: HostDevice()
      case .cpu: try #require(try TestDevices.openCL(.cpu))
      case .gpu: try #require(try TestDevices.openCL(.gpu))
      case .cpu4: try #require(try TestDevices.openCL(.cpu, vectorWidth: 4))
      case .cpu8: try #require(try TestDevices.openCL(.cpu, vectorWidth: 8))
      }
    }
  }

  /// Nothing, one, one either side of a panel and a chunk, primes, groups of several sizes, more queries than keys.
  static let problems: [AttentionProblem] = [
    AttentionProblem(lengths: [(0, 0)]), AttentionProblem(lengths: [(0, 5), (3, 0), (1, 1)]),
    AttentionProblem(lengths: [(31, 31), (1, 127), (5, 129), (9, 4)], heads: (3, 3), sizes: (8, 8)),
    AttentionProblem(lengths: [(17, 300)], heads: (8, 2), sizes: (72, 40), blockLength: 32),
    AttentionProblem(lengths: [(1, 1400), (2, 257)], heads: (4, 1), sizes: (33, 65), blockLength: 256),
    AttentionProblem(lengths: [(40, 400)], heads: (2, 1), span: .window(100), blockLength: 128),
    AttentionProblem(lengths: [(3, 1300)], heads: (5, 1), span: .window(700), hasSinks: true),
    AttentionProblem(lengths: [(19, 70), (1, 3)], span: .all, softcap: 5),
    AttentionProblem(lengths: [(20, 150)], scale: 0.3, hasSlopes: true),
  ]

  @Test("has the bits of the host, within the bound", arguments: Kind.allCases)
  func edgeShapes(kind: Kind) async throws {
    let (device, host) = (try kind.device(), HostDevice())
    for problem in Self.problems { try await expectRight(problem, on: device, host) }
  }

  /// Each format is a kernel of its own to compile, so narrow vectors have one of the others each.
  static let kindsAndFormats: [(Kind, KVFormat)] =
    [Kind.host, .cpu, .gpu].flatMap { kind in [KVFormat.f16, .bf16, .q8_0].map { (kind, $0) } }
    + [(.cpu4, .f16), (.cpu8, .q8_0)]

  @Test("reads caches of every format", arguments: kindsAndFormats)
  func formats(kind: Kind, format: KVFormat) async throws {
    let (device, host) = (try kind.device(), HostDevice())
    for lengths in [[(20, 150), (1, 33)], [(1, 1000)]] {
      let problem = AttentionProblem(lengths: lengths, sizes: (64, 32), format: format, blockLength: 32)
      try await expectRight(problem, on: device, host)
    }
  }

  @Test("stays within the bound for random sizes", arguments: [Kind.host, .cpu, .gpu], TestSeed.fixedAndFresh)
  func random(kind: Kind, seed: TestSeed) async throws {
    let device = try kind.device()
    var random = RandomNumbers(seed)
    for _ in 0..<4 {
      let kv = Int.random(in: 1...3, using: &random)
      let problem = AttentionProblem(
        lengths: (0..<Int.random(in: 1...3, using: &random)).map { _ in
          (Int.random(in: 0...40, using: &random), Int.random(in: 0...500, using: &random))
        }, heads: (kv * Int.random(in: 1...4, using: &random), kv),
        sizes: (Int.random(in: 1...80, using: &random), Int.random(in: 1...80, using: &random)),
        span: [.all, .causal, .window(Int.random(in: 1...300, using: &random))].randomElement(using: &random) ?? .all,
        softcap: Bool.random(using: &random) ? 10 : nil, hasSlopes: Bool.random(using: &random),
        hasSinks: Bool.random(using: &random))
      let operands = problem.operands(seed: random.next())
      let outcome = try await problem.run(on: device, operands)
      let error = try problem.errorOverBound(outcome, problem.references(operands))
      #expect(error <= 1, "\(problem)")
    }
  }

  @Test("has bits that do not depend on the other sequences, nor on how work is cut", arguments: Kind.allCases)
  func independence(kind: Kind) async throws {
    let device = try kind.device()
    let all = AttentionProblem(lengths: [(1, 700), (60, 300), (2, 90)], heads: (4, 1), sizes: (16, 24))
    let operands = all.operands()
    let together = try await all.run(on: device, operands)
    var row = 0
    for (index, length) in all.lengths.enumerated() {
      var alone = all
      alone.lengths = [length]
      var own = operands
      own.queries = Array(operands.queries[row * 64..<(row + length.queries) * 64])
      (own.keys, own.values) = ([operands.keys[index]], [operands.values[index]])
      // A host of many workers cuts more.
      for device in [device, HostDevice(workers: 1), HostDevice(workers: 100)] as [any ComputeDevice] {
        let outcome = try await alone.run(on: device, own, together: 61)
        let expected = together.result[row * 96..<(row + length.queries) * 96]
        #expect(outcome.result.map(\.bitPattern) == expected.map(\.bitPattern), "sequence \(index)")
      }
      row += length.queries
    }
  }

  @Test("a query that sees no key becomes zeros, with a log-sum-exp of -infinity", arguments: Kind.allCases)
  func wholly(kind: Kind) async throws {
    let problem = AttentionProblem(lengths: [(7, 3), (2, 0)])
    let outcome = try await problem.run(on: try kind.device(), problem.operands())
    let masked = outcome.result.prefix(4 * 64) + outcome.result.suffix(2 * 64)
    #expect(masked.allSatisfy { $0.bitPattern == 0 })
    #expect(outcome.logSumExp.prefix(4 * 4).allSatisfy { $0 == -.infinity })
    #expect(outcome.logSumExp[16..<28].allSatisfy { $0.isFinite })
  }

  @Test("scores of ±10⁴ do not overflow", arguments: Kind.allCases)
  func largeScores(kind: Kind) async throws {
    let problem = AttentionProblem(lengths: [(40, 300)], scale: 1, magnitude: 25)
    let operands = problem.operands()
    let outcome = try await problem.run(on: try kind.device(), operands)
    #expect(outcome.result.allSatisfy { $0.isFinite } && outcome.logSumExp.contains { abs($0) > 1000 })
    let error = try problem.errorOverBound(outcome, problem.references(operands))
    #expect(error <= 1)
  }

  @Test("keys that are not finite reach those who see them, and nobody else", arguments: Kind.allCases)
  func specialValues(kind: Kind) async throws {
    let device = try kind.device()
    let problem = AttentionProblem(lengths: [(60, 60)], heads: (2, 1))
    let clean = problem.operands()
    let expected = try await problem.run(on: device, clean)
    for (value, key) in [(Float.nan, false), (.infinity, false), (.nan, true), (.infinity, true)] {
      var operands = clean
      if key { operands.keys[0][40 * 16 + 3] = value } else { operands.values[0][40 * 16 + 3] = value }
      let outcome = try await problem.run(on: device, operands)
      #expect(outcome.result.prefix(40 * 32).elementsEqual(expected.result.prefix(40 * 32)))
      for row in 40..<60 {
        for head in 0..<2 {
          let reached = key ? 0 : 3  // a value reaches its own column, a key all of them
          #expect(!outcome.result[(row * 2 + head) * 16 + reached].isFinite || key && value == .infinity)
        }
      }
      let other = try await problem.run(on: HostDevice(), operands)
      for (x, y) in zip(outcome.result, other.result) { #expect(x.bitPattern == y.bitPattern || x.isNaN && y.isNaN) }
    }
  }

  private func expectRight(
    _ problem: AttentionProblem, on device: any ComputeDevice, _ host: HostDevice
  ) async throws {
    let operands = problem.operands()
    let outcome = try await problem.run(on: device, operands)
    let expected = try await problem.run(on: host, operands)
    #expect(outcome.result.map(\.bitPattern) == expected.result.map(\.bitPattern), "\(problem)")
    #expect(outcome.logSumExp.map(\.bitPattern) == expected.logSumExp.map(\.bitPattern), "\(problem)")
    #expect(outcome.guardsIntact, "guard words of \(problem)")
    let error = try problem.errorOverBound(outcome, problem.references(operands))
    #expect(error <= 1, "\(problem)")
  }
}
