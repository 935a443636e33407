// SPDX-License-Identifier: Apache-2.0
import ShardCompute

extension FlightRecorder {
  /// How far a collective has come.
  public enum State: String, CaseIterable, Hashable, Sendable, Codable {
    /// Handed to the devices, or about to be.
    case enqueued
    /// Done by every rank.
    case done
    /// Ended with an error.
    case failed
  }

  /// One collective.
  public struct Entry: Hashable, Sendable, Codable {
    /// Its number in its communicator, from 1.
    public let sequence: Int
    /// What it is.
    public let operation: CollectiveOperation
    /// The type of its elements; nil for a barrier.
    public let elementType: ElementType?
    /// Elements that each rank adds, gives or gets, by rank; of a whole that is cut, its piece.
    public let counts: [Int]
    /// How far it has come.
    public internal(set) var state = State.enqueued
    /// The rank that failed.
    public internal(set) var failedRank: Int?
    /// Ranks that are still busy with what was enqueued before.
    public internal(set) var absentRanks: [Int] = []
    /// Ranks that have not done their part.
    public internal(set) var unfinishedRanks: [Int] = []

    init(sequence: Int, operation: CollectiveOperation, elementType: ElementType?, counts: [Int]) {
      self.sequence = sequence
      self.operation = operation
      self.elementType = elementType
      self.counts = counts
    }

    /// Bytes of a rank's elements.
    public func byteCount(rank: Int) -> Int {
      counts.indices.contains(rank) ? counts[rank] &* (elementType?.byteCount ?? 0) : 0
    }
  }
}

extension FlightRecorder.Entry: CustomStringConvertible {
  /// One line, such as `#7 allReduce f32 [1024, 1024]: enqueued, not reached by rank 1`.
  public var description: String {
    let type = elementType.map { " \($0.rawValue)" } ?? ""
    let sizes = counts.isEmpty ? "" : " \(counts)"
    var text = "#\(sequence) \(operation.rawValue)\(type)\(sizes): \(state.rawValue)"
    if let failedRank { text += " at rank \(failedRank)" }
    if !absentRanks.isEmpty { text += ", not reached by \(RankList(absentRanks))" }
    let late = unfinishedRanks.filter { !absentRanks.contains($0) }
    if !late.isEmpty { text += ", not finished by \(RankList(late))" }
    return text
  }
}

/// `rank 1`, or `ranks 1, 3`.
struct RankList: CustomStringConvertible {
  let ranks: [Int]

  init(_ ranks: [Int]) { self.ranks = ranks }

  var description: String {
    (ranks.count == 1 ? "rank " : "ranks ") + ranks.map(String.init).joined(separator: ", ")
  }
}
