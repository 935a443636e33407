// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// How data goes from one rank to another.
public enum TransportKind: String, CaseIterable, Hashable, Sendable, Codable {
  /// `context` where the devices allow it, else `hostStaged`.
  case automatic
  /// Ranks read each other's memory, ordered by events; the host waits for nothing. OpenCL devices of one context.
  case context
  /// Ranks meet in host memory; any devices.
  case hostStaged
}

/// Carries out what a collective comes down to: copies and joins between ranks.
///
/// Commands enqueued on any rank before are done before their data is read, and commands enqueued on any rank
/// afterwards see the results and may overwrite what was read. Everything has been checked before.
package protocol Transport: Sendable {
  /// Runs copies in any order; none writes what another reads or writes.
  func run(_ moves: [Move]) async throws
  /// Runs joins in any order; a destination is no element of any other join, and at most the same element as an
  /// addend of its own rank.
  func run(_ joins: [Join]) async throws
  /// Holds back what is enqueued afterwards, on any rank, until everything before is done on all.
  func barrier() async throws
}

/// A matrix of one rank.
package struct RankMatrix: Sendable {
  package let rank: Int
  package let view: MatrixView
}

/// Elements of one rank.
package struct RankOperand: Sendable {
  package let rank: Int
  package let operand: Reduction.Operand
}

/// A copy between ranks, or within one.
package struct Move: Sendable {
  package let source: RankMatrix
  package let destination: RankMatrix

  /// Whether source and destination are the same elements, so that there is nothing to do.
  package var isInPlace: Bool {
    source.view.memory === destination.view.memory && source.view.offset == destination.view.offset
  }
}

/// A join of addends of several ranks, wanted at one rank or more.
package struct Join: Sendable {
  /// In the order of the tree.
  package let addends: [RankOperand]
  /// Nil without addends: the result is zero.
  package let tree: ReductionTree?
  package let destinations: [RankOperand]
  package let rows: Int
  /// Elements of a row.
  package let count: Int
  package let addendStride: Int
  package let destinationStride: Int
  package let elementType: ElementType
  package let operation: Reduction.Operation

  /// Whether a destination is an addend too.
  package var isInPlace: Bool {
    destinations.contains { destination in
      addends.contains {
        $0.operand.memory === destination.operand.memory && $0.operand.offset == destination.operand.offset
      }
    }
  }
}
