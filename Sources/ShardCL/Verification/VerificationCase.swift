// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// One thing to verify, under a name that selects it again: `sharded/row/f16/15x33x129/to-replicate/ranks-3`.
struct VerificationCase: Sendable {
  /// A path whose parts say everything that the case depends on but the seed.
  let name: String
  /// The kernel or collective that it is about.
  let subject: String
  /// Ranks that take part.
  let ranks: Int
  /// Runs it on numbers that follow from the seed.
  let run: @Sendable (_ seed: UInt64) async throws -> Findings

  /// Whether `pattern`, a name or the beginning of one in whole parts, selects the case.
  func isSelected(by pattern: String) -> Bool {
    name == pattern || name.hasPrefix(pattern.hasSuffix("/") ? pattern : pattern + "/")
  }
}

/// What came of a case: random numbers are judged by bound and bits, whole numbers must be exact.
struct Findings: Hashable, Sendable {
  /// In units of the error bound.
  var largestErrorOverBound = 0.0
  /// Whether the bits are those of the CPU fallback.
  var sameBits = true
  /// Whether they need not be: the product was one that may leave the order of addition.
  var mayRound = false
  /// Elements that differ from the exact result of whole numbers.
  var differentElements = 0
  /// Bytes around the results that were written.
  var strayBytes = 0

  var isRight: Bool {
    largestErrorOverBound <= 1 && (sameBits || mayRound) && differentElements == 0 && strayBytes == 0
  }
}

/// Which numbers a case runs on.
enum Numbers: String, CaseIterable, Sendable {
  /// From [-1, 1).
  case random
  /// Whole and small, so that every sum is exact.
  case whole

  /// `count` numbers that follow from `seed` and `name`.
  func values(_ count: Int, seed: UInt64, _ name: String) -> [Float] {
    let numbers = SeededNumbers(seed: seed, name: name)
    return self == .random ? numbers.floats(count) : numbers.integers(count)
  }

  /// A weight of such numbers, row-major.
  func weight(rows: Int, columns: Int, _ format: WeightFormat, seed: UInt64, _ name: String) throws -> HostMemory {
    guard let elementType = format.elementType else {
      return try SeededNumbers(seed: seed, name: name)
        .blocks(rows: rows, columns: columns, format: format, whole: self == .whole)
    }
    return HostMemory(values(rows * columns, seed: seed, name), as: elementType)
  }
}
