// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The judge of an attention of one sequence: the formula of `Attention` in f64, straight from the numbers.
///
/// With p the weights (their sum is 1), an element is right when
/// |o − reference| ≤ Σⱼ pⱼ|vⱼ| · (εⱼ + Σ p·ε + c · 2⁻²⁴): a score of keySize products is off by at most
/// (keySize + 8) · 2⁻²⁴ · scale · Σ|q||k|, and its weight relatively by that, by the rounding of score − maximum, and by
/// the exponential; sums have at most 128 terms in a row, then a join for each level of the tree. Errors are given in units
/// of that bound.
public struct AttentionReference: Sendable {
  /// rows × queryHeads · valueSize.
  public let result: [Double]
  /// rows × queryHeads.
  public let logSumExp: [Double]
  private let resultBound: [Double]
  private let logBound: [Double]

  /// The attention of `queries` (Q × queryHeads · keySize) to `keys` (K × kvHeads · keySize) and `values`, as they are
  /// stored, row-major without gaps.
  ///
  /// - Throws: `ComputeError.mismatch` for numbers that are no whole rows.
  public init(
    queries: [Float], keys: [Float], values: [Float], heads: AttentionHeads, rule: AttentionRule,
    slopes: [Float]? = nil, sinks: [Float]? = nil
  ) throws {
    let rows = heads.queryColumns == 0 ? 0 : queries.count / heads.queryColumns
    let keyCount = heads.keyColumns == 0 ? 0 : keys.count / heads.keyColumns
    guard rows * heads.queryColumns == queries.count, keyCount * heads.keyColumns == keys.count,
      keyCount * heads.valueColumns == values.count,
      [slopes, sinks].allSatisfy({ $0?.count ?? heads.queryHeads == heads.queryHeads })
    else {
      throw ComputeError.mismatch(
        "\(queries.count), \(keys.count) and \(values.count) numbers for queries, keys and values of \(heads)")
    }
    var sums = Sums(capacity: rows * heads.queryHeads)
    for row in 0..<rows {
      for head in 0..<heads.queryHeads {
        let query = Query(
          q: queries[
            (row * heads.queryHeads + head) * heads.keySize..<(row * heads.queryHeads + head + 1) * heads.keySize],
          keys: keys, values: values, heads: heads, kvHead: head / heads.group, rule: rule,
          seen: rule.span.seen(by: row, of: rows, keys: keyCount), own: row + keyCount - rows, slope: slopes?[head],
          sink: sinks?[head])
        sums.append(query, valueSize: heads.valueSize)
      }
    }
    (result, resultBound) = (sums.result, sums.resultBound)
    (logSumExp, logBound) = (sums.logs, sums.logBound)
  }

  /// The largest error of results and, where they are there, log-sum-exps, in units of the bound: at most 1 where they are
  /// right, infinite where one is not finite and should be, or the other way round.
  public func largestErrorOverBound(of found: [Float], logSumExp logs: [Float]? = nil) -> Double {
    var worst = Self.largest(found, result, resultBound)
    if let logs { worst = max(worst, Self.largest(logs, logSumExp, logBound)) }
    return worst
  }

  private static func largest(_ found: [Float], _ exact: [Double], _ bound: [Double]) -> Double {
    guard found.count == exact.count else { return .infinity }
    return found.indices.reduce(0) { worst, index in
      let (x, y) = (Double(found[index]), exact[index])
      if x == y || x.isNaN && y.isNaN { return worst }
      let ratio = abs(x - y) / bound[index]
      return max(worst, ratio.isNaN ? .infinity : ratio)
    }
  }

  private struct Sums {
    var result: [Double] = [], resultBound: [Double] = [], logs: [Double] = [], logBound: [Double] = []

    init(capacity: Int) {
      logs.reserveCapacity(capacity)
      logBound.reserveCapacity(capacity)
    }

    mutating func append(_ query: Query, valueSize: Int) {
      result += query.result
      resultBound += query.bound
      logs.append(query.logSumExp)
      logBound.append(query.logBound)
    }
  }
}

/// One head of one query.
private struct Query {
  private(set) var result: [Double]
  private(set) var bound: [Double]
  private(set) var logSumExp = -Double.infinity
  private(set) var logBound = 0.0

  init(
    q: ArraySlice<Float>, keys: [Float], values: [Float], heads: AttentionHeads, kvHead: Int, rule: AttentionRule,
    seen: Range<Int>, own: Int, slope: Float?, sink: Float?
  ) {
    let roundoff = 0x1p-24
    result = Array(repeating: 0, count: heads.valueSize)
    bound = result
    let scale = rule.scale.map(Double.init) ?? 1 / Double(heads.keySize).squareRoot()
    var scores: [Double] = [], errors: [Double] = []
    for j in seen {
      var (sum, magnitude) = (0.0, 0.0)
      for (p, x) in q.enumerated() {
        let term = Double(x) * Double(keys[(j * heads.kvHeads + kvHead) * heads.keySize + p])
        sum += term
        magnitude += abs(term)
      }
      var score = sum * scale
      // Also of the scale, which is a float, and what scaling a query rounds.
      var error = (Double(heads.keySize) + 8) * roundoff * abs(scale) * magnitude
      if let cap = rule.softcap.map(Double.init) {
        score = cap * tanh(score / cap)
        error += 8 * roundoff * abs(score)
      }
      if let slope {
        score += Double(slope) * Double(j - own)
        error += 2 * roundoff * abs(score)
      }
      scores.append(score)
      errors.append(error)
    }
    let top = max(scores.max() ?? -.infinity, sink.map(Double.init) ?? -.infinity)
    guard top > -.infinity else { return }
    let weights = scores.map { exp($0 - top) }
    let total = weights.reduce(0, +) + (sink.map { exp(Double($0) - top) } ?? 0)
    let levels = Double(Int.bitWidth - (seen.upperBound / AttentionOrder.chunk).leadingZeroBitCount)
    let sums = (140 + 8 * levels) * roundoff
    let relative = zip(scores, errors).map { score, error in
      error + roundoff * (2 * (top - score) + 8 * (levels + 1))
    }
    let shared = zip(weights, relative).reduce(0) { $0 + $1.0 / total * $1.1 } + 2 * sums
    for (index, j) in seen.enumerated() {
      let weight = weights[index] / total
      for c in 0..<heads.valueSize {
        let value = Double(values[(j * heads.kvHeads + kvHead) * heads.valueSize + c])
        result[c] += weight * value
        // What is below the smallest normal weight, e^-87, may be left out.
        bound[c] += abs(value) * (weight * (relative[index] + shared) + 0x1p-120)
      }
    }
    logSumExp = top + log(total)
    logBound = shared + (errors.max() ?? 0) + 4 * roundoff * (abs(top) + abs(logSumExp)) + roundoff
  }
}
