// SPDX-License-Identifier: Apache-2.0

/// softmax(scale · Q · Kᵀ) · V of the sequences of a plan, whose keys and values are in a cache ("flash attention": Dao et
/// al. 2022, https://arxiv.org/abs/2205.14135). No matrix of scores is ever in memory.
///
/// | operand | shape | type |
/// | --- | --- | --- |
/// | `queries` | rows × queryHeads · keySize, row-major | f32 |
/// | `cache` | see `KVCache` | any `KVFormat` |
/// | `slopes`, `sinks` | 1 × queryHeads | f32 |
/// | `result` | rows × queryHeads · valueSize, row-major | f32 |
/// | `logSumExp` | rows × queryHeads, row-major | f32 |
///
/// A query that sees no key becomes zeros, its log-sum-exp −∞. Rows of no sequence stay as they are. Sums have one order,
/// so bits do not depend on the device, on the other sequences or on how the work is cut.
public struct Attention: Sendable {
  /// Who attends to what.
  public let plan: AttentionPlan
  /// Scale and soft-cap of scores, and the span, which is the plan's.
  public let rule: AttentionRule
  /// The queries.
  public let queries: MatrixView
  /// Keys and values.
  public let cache: KVCache
  /// ALiBi slopes of the query heads (Press et al. 2021, https://arxiv.org/abs/2108.12409).
  public let slopes: MatrixView?
  /// For each query head a score that takes part in the sum, but has no value ("attention sink").
  public let sinks: MatrixView?
  /// The result; of a plan whose keys are cut over ranks, the first node of each row.
  public let result: MatrixView
  /// Elements from the nodes of that kind to the second ones of each row, and so on.
  let nodeStride: Int
  /// Where the logarithm of each sum of weights goes.
  public let logSumExp: MatrixView?

  /// Checks that the operands belong together; that the plan has no more rows than these is checked when it runs.
  ///
  /// Of a plan whose keys are cut over ranks the result has queryHeads · (valueSize + 2) columns, and as many nodes of a row,
  /// `nodeStride` elements apart, as the plan says.
  ///
  /// - Throws: `ComputeError.mismatch` with the shapes.
  public init(
    _ plan: AttentionPlan, _ rule: AttentionRule, queries: MatrixView, cache: KVCache, slopes: MatrixView? = nil,
    sinks: MatrixView? = nil, into result: MatrixView, nodeStride: Int = 0,
    logSumExp: MatrixView? = nil
  ) throws {
    let heads = plan.heads
    guard
      cache.heads == heads, cache.blockLength == plan.blockLength, cache.blocks == plan.blocks, rule.span == plan.span
    else {
      throw ComputeError.mismatch(
        "a cache of \(cache.heads) in \(cache.blocks) blocks of \(cache.blockLength) with \(rule.span), a plan for "
          + "\(heads) in \(plan.blocks) of \(plan.blockLength) with \(plan.span)")
    }
    try queries.checkRowMajor("queries", columns: heads.queryColumns)
    try result.checkRowMajor(
      plan.cutsKeys ? "nodes" : "result", columns: plan.cutsKeys ? heads.nodeColumns : heads.resultColumns)
    guard result.rows == queries.rows else {
      throw ComputeError.mismatch("queries with \(queries.rows) rows and a result with \(result.rows)")
    }
    try slopes?.checkRowMajor("slopes", rows: 1, columns: heads.queryHeads)
    try sinks?.checkRowMajor("sinks", rows: 1, columns: heads.queryHeads)
    try logSumExp?.checkRowMajor("log-sum-exp", rows: queries.rows, columns: heads.queryHeads)
    guard !plan.cutsKeys || sinks == nil && logSumExp == nil else {
      throw ComputeError.mismatch("sinks or a log-sum-exp of keys that are cut over ranks; they come with the join")
    }
    self.plan = plan
    self.rule = rule
    self.queries = queries
    self.cache = cache
    self.slopes = slopes
    self.sinks = sinks
    self.result = result
    self.nodeStride = nodeStride
    self.logSumExp = logSumExp
  }

  /// Throws unless there is a row for each of the plan, and room for its nodes.
  func check(_ records: AttentionRecords) throws {
    guard records.rows <= queries.rows else {
      throw ComputeError.mismatch("a plan for \(records.rows) rows, queries and result have \(queries.rows)")
    }
    for number in 1..<max(1, records.mostNodes) {
      _ = try MatrixView(
        result.memory, rows: result.rows, columns: result.columns, leadingDimension: result.rowStride,
        offset: checkedSum(result.offset, checkedProduct(number, nodeStride)))
    }
  }

  /// What scores are multiplied by.
  var scale: Float { rule.scale ?? Float(1 / Double(plan.heads.keySize).squareRoot()) }
}

extension MatrixView {
  /// Throws unless this is row-major f32 with `columns` columns, and `rows` rows where they are given.
  func checkRowMajor(_ what: String, rows: Int? = nil, columns: Int) throws {
    guard elementType == .f32, self.columns == columns, columnStride == 1 || columns <= 1,
      rows ?? self.rows == self.rows,
      rowStride >= columns || self.rows <= 1
    else {
      throw ComputeError.mismatch(
        "\(what) of \(self.rows) × \(self.columns) \(elementType) with strides \(rowStride) and \(columnStride); "
          + "row-major f32 of \(rows.map(String.init) ?? "any number of rows") × \(columns) is needed")
    }
  }
}
