// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import TestSupport
import Testing

@testable import ShardCompute

@Suite("tuner", .enabled(if: TestDevices.kinds.contains(.context))) struct TunerTests {
  @Test("a race is won by the fastest, without time by the first") func race() async throws {
    let later = ContinuousClock.now + .seconds(60)
    for count in 1...9 {
      let race = Race<Int>(seconds: { Double($0) }, deadline: later)
      #expect(try await race.winner(of: (1...count).reversed()) == 1)
    }
    let over = Race<Int>(seconds: { Double($0) }, deadline: .now)
    #expect(try await over.winner(of: [3, 1, 2]) == 3)
    let duel = try await over.duel(2, 5, rounds: 9)
    #expect(duel.first.values == [2, 2, 2, 2, 2])
    #expect(duel.second.median == 5)
  }

  @Test("finds parameters that run with the same bits, and reports as it goes", arguments: [1, 20])
  func search(rows: Int) async throws {
    let device = try #require(try TestDevices.openCL(.cpu))
    nonisolated(unsafe) var progress: [Double] = []
    let shape = TuningShape(m: rows, n: 100, k: 96, format: .f32)
    let result = try await Tuner(device, seconds: 0.3).tune(shape) { progress.append($0) }
    #expect(result.kernel == (rows == 1 ? "gemv/panels" : "gemm/packed"))
    #expect(result.wrong.isEmpty)
    #expect(result.failures == 0)
    #expect(result.candidates > 1)
    #expect(result.gflops > 0 && result.formulaGFLOPS > 0)
    #expect(result.isFaster == (result.parameters != result.formula))
    #expect(result.isFaster == (result.gflops > result.formulaGFLOPS * Tuner.neededRatio))
    #expect(!progress.isEmpty && progress.allSatisfy { (0...1).contains($0) } && progress == progress.sorted())
  }

  @Test("never times, nor takes, parameters that give other bits") func wrongBits() async throws {
    let device = try #require(try TestDevices.openCL(.cpu))
    let shape = TuningShape(m: 2, n: 70, k: 50, format: .f32)
    let problem = try TuningProblem(shape, on: device, seed: 1)
    let result = try await Tuner(device, seconds: 600).search(BrokenKernel.self, shape, problem) { _ in }
    #expect(result.wrong == [ParameterValues(["fault": .integer(1)])])
    #expect(result.failures == 1)
    #expect(!result.isFaster)
  }

  @Test("refuses sizes that make no product or no memory has", arguments: [(0, 1, 1), (1, 1 << 30, 1 << 30)])
  func sizes(m: Int, n: Int, k: Int) async throws {
    let device = try #require(try TestDevices.openCL(.cpu))
    await #expect(throws: ComputeError.self) {
      try await Tuner(device, seconds: 0).tune(TuningShape(m: m, n: n, k: k, format: .f32))
    }
  }

  @Test("what it found is used by devices that are opened afterwards") func use() async throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = TuningDatabase(folder: folder)
    let (formula, values) = try store(in: database)
    #expect(formula.origin == .formula)
    let after = try open(database)
    let product = try Self.problem.product(on: after)
    let tuned = try after.explain(product)
    #expect(tuned.kernel == "gemv/panels")
    #expect(tuned.parameters == values)
    #expect(tuned.origin == .tuned)
    #expect(tuned.notes.isEmpty)
    let kernels = tuned.others.map(\.kernel) + [tuned.kernel]
    #expect(kernels.sorted() == GEMM.kernels.map { $0.name }.sorted())
    let reasons = tuned.others.map(\.reason)
    #expect(!reasons.contains(""))
    let expected = try await Self.problem.expected()
    #expect(try await bits(product, after) == expected)
  }

  @Test("parameters that a product of the class cannot have are not used, and that is said") func refusals()
    async throws
  {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = TuningDatabase(folder: folder)
    _ = try store(in: database)
    // Four rows are of the class of three, but a tile of three has no room for them.
    let larger = RandomProduct(m: 4, n: 130, k: 90, .f32, seed: 7)
    let device = try open(database)
    let product = try larger.product(on: device)
    let explanation = try device.explain(product)
    #expect(explanation.origin == .formula)
    let note = explanation.notes.first ?? ""
    #expect(note.contains("tiles of 3 rows for 4"))
    let expected = try await larger.expected()
    #expect(try await bits(product, device) == expected)
  }

  @Test("a later search that finds nothing takes the entry away; switched off, none is used") func removal() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = TuningDatabase(folder: folder)
    let (formula, _) = try store(in: database)
    let device = try open(database)
    #expect(try device.explain(product: Self.problem).origin == .tuned)
    let off = try open(TuningDatabase(folder: nil))
    #expect(try off.explain(product: Self.problem).origin == .formula)
    let file = try database.store(Self.result(Self.problem.shape, formula.parameters, nil), on: device)
    #expect(file == nil)
    #expect(try open(database).explain(product: Self.problem).origin == .formula)
  }

  private static let problem = RandomProduct(m: 3, n: 130, k: 90, .f32, seed: 7)

  /// Keeps parameters for `problem`; what it would run with without them, and what was kept.
  private func store(in database: TuningDatabase) throws -> (KernelExplanation, ParameterValues) {
    let device = try open(database)
    let formula = try device.explain(product: Self.problem)
    var values = formula.parameters
    values.values["panels"] = .integer(2)
    values.values["rows"] = .integer(3)
    let file = try database.store(Self.result(Self.problem.shape, formula.parameters, values), on: device)
    #expect(file == database.file(for: try device.identity()))
    return (formula, values)
  }

  private func bits(_ product: Product, _ device: OpenCLDevice) async throws -> [UInt32] {
    try device.multiply(product)
    return try await device.download(product.c.memory)
  }

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// Parameters that were found; nil for none.
  private static func result(
    _ shape: TuningShape, _ formula: ParameterValues, _ found: ParameterValues?
  ) -> TuningResult {
    TuningResult(
      shape: shape, kernel: "gemv/panels", formula: formula, parameters: found ?? formula, formulaGFLOPS: 1,
      gflops: found == nil ? 1 : 2, isFaster: found != nil, candidates: 2, failures: 0, wrong: [], seconds: 1)
  }

  private func open(_ database: TuningDatabase) throws -> OpenCLDevice {
    let device = try #require(try TestDevices.firstDevice())
    return try OpenCLDevice(
      selector: "test", device: device, context: Context(devices: [device]), cache: ProgramCache(), architecture: .cpu,
      tuning: database)
  }
}

extension OpenCLDevice {
  fileprivate func explain(product: RandomProduct) throws -> KernelExplanation {
    try explain(product.product(on: self))
  }
}

/// `gemv/panels` with faults that a parameter chooses: 1 doubles the result, 2 does not launch, 3 is refused.
private enum BrokenKernel: ProductKernel {
  struct Parameters: Hashable, Codable, Sendable {
    var fault: Int
  }

  static let name = "test/broken"
  static func refusal(_ product: Product, on device: OpenCLDevice) -> String? { nil }
  static func formula(_ product: Product, on device: OpenCLDevice) -> Parameters { Parameters(fault: 0) }
  static func tunables(_ product: Product, on device: OpenCLDevice) -> [Tunable<Parameters>] {
    [Tunable(\.fault, [1, 2, 3])]
  }
  static func refusal(of parameters: Parameters, _ product: Product, on device: OpenCLDevice) -> String? {
    parameters.fault == 3 ? "asked to" : nil
  }
  static func launch(_ product: Product, _ parameters: Parameters, on device: OpenCLDevice) throws {
    if parameters.fault > 1 { throw ComputeError.unsupported("asked to") }
    let product = try Product(product.a, product.weight, into: product.c, alpha: parameters.fault == 1 ? 2 : 1)
    try GEMV.Panels.launch(product, GEMV.Panels.formula(product, on: device), on: device)
  }
}
