// SPDX-License-Identifier: Apache-2.0

/// Which keys a query sees, and what becomes of a score.
///
/// With K keys and Q queries of a sequence, query i has number i + K − Q among the keys: the last query and the last key
/// meet ("bottom right").
///
/// | | |
/// | --- | --- |
/// | causal | key j is seen where j ≤ the query's number |
/// | window w | and where the query's number − j < w |
/// | score | q · k · scale, then softcap · tanh(score / softcap), then + slope · (j − the query's number) |
public struct AttentionRule: Hashable, Sendable {
  /// Which keys a query sees.
  public enum Span: Hashable, Sendable {
    /// All keys of its sequence.
    case all
    /// Its own key and those before.
    case causal
    /// The last `window` keys up to its own (≥ 1): sliding-window attention.
    case window(Int)
  }

  /// Which keys a query sees.
  public let span: Span
  /// What scores are multiplied by; 1/√keySize where it is nil.
  public let scale: Float?
  /// The soft-cap of scores (Gemma 2), nil for none.
  public let softcap: Float?

  /// - Throws: `ComputeError.mismatch` for a window below 1, or a scale or soft-cap that is no number to work with.
  public init(_ span: Span = .causal, scale: Float? = nil, softcap: Float? = nil) throws {
    if case .window(let length) = span, !(1...Int(Int32.max) - 1).contains(length) {
      throw ComputeError.mismatch("a window of \(length) keys; 1 or more are possible")
    }
    if let scale, !scale.isFinite { throw ComputeError.mismatch("a scale of \(scale) for scores; it must be finite") }
    if let softcap, !(softcap >= 0x1p-20 && softcap <= 0x1p20) {
      throw ComputeError.mismatch("a soft-cap of \(softcap); 2⁻²⁰ to 2²⁰ are possible")
    }
    self.span = span
    self.scale = scale
    self.softcap = softcap
  }

}

extension AttentionRule.Span {
  /// Whether keys behind the query's own are hidden.
  var isCausal: Bool { self != .all }
  /// The length of a window, 0 for none.
  var window: Int { if case .window(let length) = self { length } else { 0 } }

  /// The keys that query `query` of `queries` sees among `keys`.
  package func seen(by query: Int, of queries: Int, keys: Int) -> Range<Int> {
    let own = query + keys - queries
    guard isCausal else { return 0..<keys }
    let end = min(max(0, own + 1), keys)
    return min(end, window > 0 ? max(0, own + 1 - window) : 0)..<end
  }
}
