// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import TestSupport
import Testing

/// A mesh as an argument of a test.
struct MeshCase: Hashable, Sendable, CustomStringConvertible {
  let ranks: Int
  let kind: TestDevices.Kind

  var description: String { "\(ranks) ranks, \(kind)" }

  func make() throws -> DeviceMesh {
    // Devices of the CPU fallback cost nothing, and there may be more of them than tests share.
    let devices =
      kind == .host
      ? (0..<ranks).map { HostDevice(selector: "host.\($0)", workers: 1) } : try TestDevices.ranks(ranks, kind)
    return try DeviceMesh(devices)
  }

  /// From one rank to more than a sum has leaves; 3, 5 and 7 leave it no equal parts. Fewer through OpenCL, where each
  /// command takes longer than all work here.
  static let all = TestDevices.kinds.flatMap { kind in
    (kind == .host ? [1, 2, 3, 4, 5, 7, 8, 11] : kind == .context ? [1, 2, 3, 5, 8] : [2, 3, 8]).map {
      MeshCase(ranks: $0, kind: kind)
    }
  }

  /// A mesh of the CPU fallback, where what runs does not matter.
  static func host(_ ranks: Int) throws -> DeviceMesh { try MeshCase(ranks: ranks, kind: .host).make() }
}

extension RandomNumbers {
  /// A cut into parts of any size, some empty.
  mutating func partition(_ length: Int, parts: Int) throws -> Partition {
    try .fromBorders([0] + borders(parts - 1, in: 0...length) + [length])
  }

  /// A cut on the borders of leaves, some parts empty.
  mutating func leafPartition(_ order: SumOrder, parts: Int) throws -> Partition {
    let leaves = borders(parts - 1, in: 0...SumOrder.leafCount)
    return try .fromBorders([0] + leaves.map(order.border) + [order.length])
  }

  private mutating func borders(_ count: Int, in range: ClosedRange<Int>) -> [Int] {
    (0..<count).map { _ in Int.random(in: range, using: &self) }.sorted()
  }
}

/// The bits of each value, so that comparisons see the sign of a zero.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

/// What the error says that `body` throws.
func message(_ body: () async throws -> Void) async -> String {
  do {
    try await body()
    Issue.record("no error where one was expected")
    return ""
  } catch {
    return "\(error)"
  }
}
