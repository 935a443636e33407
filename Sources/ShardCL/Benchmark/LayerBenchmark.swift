// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Measures a layer over a mesh, tensor-parallel, and checks it against the CPU fallback.
public struct LayerBenchmark: Sendable {
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

  /// Measures a layer in turns with each of its parts alone, with the same layer on the first rank's device alone, with an
  /// fma loop and with the reading of memory.
  ///
  /// - Throws: `ShardingError`, `ComputeError`, or the driver's error. A wrong result is a record that is not verified.
  public func run(_ workload: LayerWorkload) async throws -> LayerRecord {
    let weights = try LayerWeights(workload, seed: seed)
    let layer = try await LayerRun(workload, weights, on: mesh, seed: seed)
    let measurement = try await measure(layer, workload, weights)
    let sameBits = checks ? try await isRight(layer, workload, weights) : nil
    return LayerRecord(workload, on: mesh, measurement, sameBits: sameBits)
  }

  private func measure(
    _ layer: LayerRun, _ workload: LayerWorkload, _ weights: LayerWeights
  ) async throws -> LayerRecord.Measurement {
    let peak = try await PeakMeter(mesh)
    let reading = try ReadMeter(mesh)
    var bodies: [PairedTiming.Body] = [{ try await layer.seconds() }]
    bodies += LayerRun.Part.allCases.map { part in { try await layer.seconds(of: part) } }
    bodies += [peak.operationsPerSecond, reading.bytesPerSecond]
    if mesh.count > 1 {
      let alone = try await LayerRun(workload, weights, on: DeviceMesh([mesh.ranks[0].device]), seed: seed)
      bodies.append { try await alone.seconds() }
    }
    var samples = try await PairedTiming.samples(of: bodies, budget)
    let alone = mesh.count > 1 ? samples.removeLast() : nil
    let (read, rate) = (samples.removeLast(), samples.removeLast())
    return LayerRecord.Measurement(
      layer: samples[0], parts: Dictionary(uniqueKeysWithValues: zip(LayerRun.Part.allCases, samples.dropFirst())),
      peak: rate, read: read, alone: alone)
  }

  /// Whether one run gives the bits of the CPU fallback's.
  private func isRight(_ layer: LayerRun, _ workload: LayerWorkload, _ weights: LayerWeights) async throws -> Bool {
    let found = try await layer.result()
    let host = try await LayerRun(workload, weights, on: DeviceMesh([HostDevice()]), seed: seed)
    let expected = try await host.result()
    return expected.allSatisfy(\.isFinite) && found.map(\.bitPattern) == expected.map(\.bitPattern)
  }
}
