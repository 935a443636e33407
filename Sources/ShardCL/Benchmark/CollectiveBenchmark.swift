// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCollectives
import ShardCompute

/// Measures collectives over a mesh, and checks every element that they leave.
public struct CollectiveBenchmark: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// How long to measure each.
  public let budget: TimingBudget
  /// Whether results are checked.
  public let checks: Bool
  /// What numbers follow from.
  public let seed: UInt64
  /// Whether collectives are also measured in place, where they have such a form.
  public let measuresInPlace: Bool

  /// Collectives of a chain, which is to be long against one wait for the devices, and short against a budget.
  private static let chainLengths = 4...64
  private static let chainSeconds = 0.02

  /// A benchmark on `mesh`.
  public init(
    on mesh: DeviceMesh, budget: TimingBudget, checks: Bool = true, seed: UInt64 = 1, measuresInPlace: Bool = true
  ) {
    self.mesh = mesh
    self.budget = budget
    self.checks = checks
    self.seed = seed
    self.measuresInPlace = measuresInPlace
  }

  /// Measures a collective, from the call until its result is there on all ranks, in turns with a chain of them
  /// enqueued back to back and with the same one in place.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for less than one element, `ComputeError.allocationTooLarge` for operands
  ///   that this machine has no memory for, `CollectiveError`, or a device's error. A wrong result is a record that is
  ///   not verified.
  public func run(_ workload: CollectiveWorkload) async throws -> CollectiveRecord {
    let inPlace = measuresInPlace && workload.operation.worksInPlace
    try checkMemory(workload, operands: inPlace ? 3 : 2)
    let pattern = CollectivePattern(ranks: mesh.count, elementType: workload.elementType, seed: seed)
    let apart = try await CollectiveRun(workload, on: mesh, isInPlace: false, pattern: pattern)
    let placed = inPlace ? try await CollectiveRun(workload, on: mesh, isInPlace: true, pattern: pattern) : nil
    // The first run may compile.
    _ = try await apart.seconds()
    let length = Self.chainLength(of: try await apart.seconds())
    var bodies: [PairedTiming.Body] = [{ try await apart.seconds() }, { try await apart.seconds(chain: length) }]
    if let placed { bodies.append { try await placed.seconds() } }
    let samples = try await PairedTiming.samples(of: bodies, budget)
    let measurement = CollectiveRecord.Measurement(
      apart: samples[0], chain: samples[1], chainLength: length, inPlace: placed == nil ? nil : samples[2],
      wrong: checks ? try await apart.wrongElements() : nil,
      wrongInPlace: checks ? try await placed?.wrongElements() : nil)
    return try CollectiveRecord(workload, on: mesh, measurement)
  }

  private static func chainLength(of seconds: Double) -> Int {
    let length = Int(min(chainSeconds / max(seconds, 1e-9), 1e6))
    return min(max(length, chainLengths.lowerBound), chainLengths.upperBound)
  }

  /// Devices may share this machine's memory, and an operand passes through it.
  private func checkMemory(_ workload: CollectiveWorkload, operands: Int) throws {
    let size = try workload.size(ranks: mesh.count)
    let limit = Int(clamping: ProcessInfo.processInfo.physicalMemory / 4 * 3)
    let (byteCount, overflow) = size.multipliedReportingOverflow(by: operands * mesh.count + 1)
    guard !overflow, byteCount <= limit else {
      throw ComputeError.allocationTooLarge(
        byteCount: overflow ? Int.max : byteCount, limit: limit,
        device: "\(workload.operation.rawValue) on \(mesh.count) ranks")
    }
  }
}
