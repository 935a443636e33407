// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCL
import ShardCompute

/// The operands of an attention of one sequence, row-major without gaps, and the judge of its result.
///
/// Keys and values are multiples of 1/64 below 2, and each 32 of them have one of ±127/64. So every `KVFormat` stores
/// them exactly, Q8_0 with a scale of 1/64, and the reference needs to know no format.
struct AttentionProblem {
  let workload: AttentionWorkload
  let queries, keys, values: [Float]

  init(_ workload: AttentionWorkload, seed: UInt64 = 1) {
    var random = SplitMix64(state: seed)
    self.workload = workload
    let heads = workload.heads
    queries = (0..<workload.queries * heads.queryColumns).map { _ in .random(in: -2..<2, using: &random) }
    keys = Self.stored(workload.keys * heads.keyColumns, &random)
    values = Self.stored(workload.keys * heads.valueColumns, &random)
  }

  private static func stored(_ count: Int, _ random: inout SplitMix64) -> [Float] {
    (0..<count).map { index in
      let bits = random.next()
      let digits = index % 32 == 0 ? (bits & 1 == 0 ? 127 : -127) : max(-127, Int(Int8(truncatingIfNeeded: bits)))
      return Float(digits) / 64
    }
  }

  /// The error of some rows from the beginning, the middle and the end of `result` against the formula in f64, in units
  /// of the bound of `AttentionReference`.
  func errorOverBound(of result: [Float]) throws -> Double {
    let heads = workload.heads
    guard result.count == workload.queries * heads.resultColumns else { return .infinity }
    let terms = workload.keys * heads.queryHeads * (heads.keySize + heads.valueSize)
    // About a third of a second.
    let count = min(workload.queries, max(1, 30_000_000 / terms))
    let starts = Set([0, (workload.queries - count) / 2, workload.queries - count])
    return try starts.reduce(0) { try max($0, errorOverBound(of: result, rows: $1..<$1 + count)) }
  }

  /// Rows see no keys behind the last one's own, so these are the last rows of a shorter sequence.
  private func errorOverBound(of result: [Float], rows: Range<Int>) throws -> Double {
    let heads = workload.heads
    let keyCount = workload.keys - workload.queries + rows.upperBound
    func part(_ values: [Float], _ rows: Range<Int>, _ columns: Int) -> [Float] {
      Array(values[rows.lowerBound * columns..<rows.upperBound * columns])
    }
    let reference = try AttentionReference(
      queries: part(queries, rows, heads.queryColumns), keys: part(keys, 0..<keyCount, heads.keyColumns),
      values: part(values, 0..<keyCount, heads.valueColumns), heads: heads, rule: workload.rule)
    return reference.largestErrorOverBound(of: part(result, rows, heads.resultColumns))
  }
}
