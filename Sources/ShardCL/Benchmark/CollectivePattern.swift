// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// The numbers of each rank and their sum: small integers, exact in every type, that repeat after a prime number of
/// elements, so that no piece at a wrong place looks right.
struct CollectivePattern {
  /// A run of a rank's numbers, or of the sum's.
  struct Segment {
    /// A rank; nil is the sum of all.
    let rank: Int?
    /// Where it begins.
    let start: Int
    let count: Int
  }

  private static let period = 1009

  private let elementType: ElementType
  private let numbers: [HostMemory]
  private let sum: HostMemory

  init(ranks: Int, elementType: ElementType, seed: UInt64) {
    self.elementType = elementType
    let values = (0..<ranks).map { SeededNumbers(seed: seed, name: "collective/\($0)").integers(Self.period) }
    numbers = values.map { HostMemory($0, as: elementType) }
    sum = HostMemory((0..<Self.period).map { index in values.reduce(0) { $0 + $1[index] } }, as: elementType)
  }

  /// Writes a segment to the beginning of `memory`.
  func write(_ segment: Segment, to memory: HostMemory) {
    memory.withMutableBytes { bytes in
      runs(of: segment) { source, at in
        UnsafeMutableRawBufferPointer(rebasing: bytes[at..<at + source.count]).copyMemory(from: source)
      }
    }
  }

  /// Elements that differ in any bit from `segments`, which follow each other from the beginning of `memory`.
  func differences(in memory: HostMemory, from segments: [Segment]) -> Int {
    let size = elementType.byteCount
    var (different, start) = (0, 0)
    memory.withBytes { bytes in
      for segment in segments {
        runs(of: segment) { expected, at in
          let found = UnsafeRawBufferPointer(rebasing: bytes[start + at..<start + at + expected.count])
          guard !Self.areEqual(found, expected) else { return }
          for element in stride(from: 0, to: expected.count, by: size)
          where (element..<element + size).contains(where: { found[$0] != expected[$0] }) { different += 1 }
        }
        start += segment.count * size
      }
    }
    return different
  }

  private static func areEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard let first = a.baseAddress, let second = b.baseAddress else { return a.isEmpty && b.isEmpty }
    return memcmp(first, second, a.count) == 0
  }

  /// Calls `body` with the bytes of each repetition in a segment, and how many bytes into the segment they are.
  private func runs(of segment: Segment, _ body: (UnsafeRawBufferPointer, _ at: Int) -> Void) {
    let size = elementType.byteCount
    (segment.rank.map { numbers[$0] } ?? sum).withBytes { pattern in
      var done = 0
      while done < segment.count {
        let first = (segment.start + done) % Self.period
        let count = min(Self.period - first, segment.count - done)
        body(UnsafeRawBufferPointer(rebasing: pattern[first * size..<(first + count) * size]), done * size)
        done += count
      }
    }
  }
}
