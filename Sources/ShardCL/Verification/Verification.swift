// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Runs every kernel and collective over shapes, element types, layouts and numbers of ranks, against the CPU.
///
/// Each case runs on random numbers (largest error in units of the bound, bits equal to the CPU fallback's) and on whole
/// numbers whose sums are exact (no element may differ), with guards around results.
public struct Verification: Sendable {
  /// How much is run.
  public enum Extent: Hashable, Sendable {
    /// Shapes that a simulator of OpenCL devices gets through in a minute or two.
    case small
    /// All shapes.
    case full
  }

  /// The devices; more ranks than these share them.
  public let devices: [any ComputeDevice]
  /// How much is run.
  public let extent: Extent
  /// What numbers follow from, together with the name of a case.
  public let seed: UInt64
  private let cases: [VerificationCase]

  /// A verification of `devices`.
  ///
  /// - Parameter pattern: the name of the only case to run, or the beginning of several names in whole parts.
  /// - Throws: `VerificationError.noSuchCase`; a driver's error where a device does not open.
  public init(
    of devices: [any ComputeDevice], extent: Extent = .full, seed: UInt64 = 1, selecting pattern: String? = nil
  ) throws {
    self.devices = devices
    self.extent = extent
    self.seed = seed
    let all =
      try Self.kernelCases(devices, extent) + Self.collectiveCases(devices, extent)
      + Self.shardedCases(devices, extent) + Self.shardedLayerCases(devices, extent)
    cases = pattern.map { pattern in all.filter { $0.isSelected(by: pattern) } } ?? all
    if cases.isEmpty {
      throw VerificationError.noSuchCase(
        pattern ?? "", groups: Set(all.map { $0.name.split(separator: "/").prefix(2).joined(separator: "/") }).sorted())
    }
  }

  /// How many cases there are.
  public var count: Int { cases.count }

  /// Runs all cases in order; a case that cannot come to its end is one that failed.
  ///
  /// - Parameter report: called with each record as it is made.
  /// - Throws: `CancellationError`; what `report` throws.
  public func run(_ report: (VerificationRecord) throws -> Void) async throws {
    for item in cases {
      try Task.checkCancellation()
      let record: VerificationRecord
      do {
        record = VerificationRecord(item, seed: seed, try await item.run(seed))
      } catch let error where !(error is CancellationError) {
        record = VerificationRecord(item, seed: seed, Findings(), error: "\(error)")
      }
      try report(record)
    }
  }

  /// Numbers of ranks: all that are usual, and odd ones.
  static func rankCounts(_ extent: Extent) -> [Int] { extent == .small ? [1, 2, 3, 8] : [1, 2, 3, 4, 5, 7, 8] }

  /// `count` ranks over `devices`, in turns.
  static func mesh(_ devices: [any ComputeDevice], ranks count: Int) throws -> DeviceMesh {
    try DeviceMesh((0..<count).map { devices[$0 % devices.count] })
  }
}

/// A choice of cases that selects none.
public enum VerificationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No case has that name, and none begins with it.
  case noSuchCase(String, groups: [String])

  /// What was asked, what is possible.
  public var description: String {
    switch self {
    case .noSuchCase(let pattern, let groups):
      "no case \"\(pattern)\" on these devices; names begin with: \(groups.joined(separator: ", "))"
    }
  }
}
