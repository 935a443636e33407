// SPDX-License-Identifier: Apache-2.0

/// What came of one case of `shardcl verify`.
public struct VerificationRecord: Hashable, Sendable, Codable {
  /// Name and version of this list of fields.
  public let schema: String
  /// The name that selects the case again.
  public let name: String
  /// The kernel or collective that it is about.
  public let subject: String
  /// Ranks that took part.
  public let ranks: Int
  /// What the numbers followed from.
  public let seed: UInt64
  /// On random numbers, in units of the error bound.
  public let maxErrorOverBound: Double
  /// On random numbers: whether the bits are those of the CPU fallback.
  public let sameBits: Bool
  /// On whole numbers: elements that differ from the exact result.
  public let differentElements: Int
  /// Bytes around results that were written.
  public let strayBytes: Int
  /// Whether all of that is as it must be.
  public let verified: Bool
  /// Why the case did not come to its end; empty where it did.
  public let error: String

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey {
    case schema, subject, ranks, seed, verified, error
    case name = "case"
    case maxErrorOverBound = "max_error_over_bound"
    case sameBits = "same_bits"
    case differentElements = "different_elements"
    case strayBytes = "stray_bytes"
  }

  init(_ item: VerificationCase, seed: UInt64, _ findings: Findings, error: String = "") {
    schema = "shardcl.verify/1"
    name = item.name
    subject = item.subject
    ranks = item.ranks
    self.seed = seed
    // JSON has no infinity.
    maxErrorOverBound = min(findings.largestErrorOverBound, .greatestFiniteMagnitude)
    sameBits = findings.sameBits
    differentElements = findings.differentElements
    strayBytes = findings.strayBytes
    verified = findings.isRight && error.isEmpty
    self.error = error
  }
}
