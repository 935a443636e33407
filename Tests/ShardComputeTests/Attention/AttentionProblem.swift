// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport

/// An attention whose operands come from a seed: sequences of different lengths, whose blocks lie anywhere in the cache.
struct AttentionProblem: CustomStringConvertible, Sendable {
  /// Queries and keys of each sequence.
  var lengths: [(queries: Int, keys: Int)]
  var heads: (query: Int, kv: Int) = (4, 2)
  var sizes: (key: Int, value: Int) = (16, 16)
  var span = AttentionRule.Span.causal
  var softcap: Float?
  var scale: Float?
  var format = KVFormat.f32
  var blockLength = 64
  var hasSlopes = false
  var hasSinks = false
  /// Elements between rows beyond their columns.
  var gap = 3
  /// What keys and queries are multiplied by.
  var magnitude: Float = 1

  var description: String {
    "\(lengths) \(heads) heads of \(sizes) \(span) \(format) blocks of \(blockLength)"
      + (softcap.map { " soft-cap \($0)" } ?? "") + (hasSlopes ? " slopes" : "") + (hasSinks ? " sinks" : "")
  }

  var attentionHeads: AttentionHeads {
    get throws {
      try AttentionHeads(queryHeads: heads.query, kvHeads: heads.kv, keySize: sizes.key, valueSize: sizes.value)
    }
  }
  var rule: AttentionRule { get throws { try AttentionRule(span, scale: scale, softcap: softcap) } }
  var rows: Int { lengths.reduce(0) { $0 + $1.queries } }

  /// The numbers, row-major without gaps; keys and values of each sequence.
  struct Operands {
    var queries: [Float]
    var keys: [[Float]]
    var values: [[Float]]
    var slopes: [Float]
    var sinks: [Float]
  }

  func operands(seed: UInt64 = 1) -> Operands {
    var random = RandomNumbers(seed: seed)
    func numbers(_ count: Int) -> [Float] { random.floats(count).map { $0 * 2 * magnitude } }
    return Operands(
      queries: numbers(rows * heads.query * sizes.key), keys: lengths.map { numbers($0.keys * heads.kv * sizes.key) },
      values: lengths.map { numbers($0.keys * heads.kv * sizes.value) },
      slopes: (0..<heads.query).map { Float($0 + 1) / 16 }, sinks: random.floats(heads.query))
  }

  /// What came out, without gaps, and whether all guard words are as they were.
  struct Outcome {
    var result: [Float]
    var logSumExp: [Float]
    var guardsIntact: Bool
  }

  /// Fills a cache `together` tokens at a time, then attends.
  func run(on device: any ComputeDevice, _ operands: Operands, together: Int = .max) async throws -> Outcome {
    let heads = try attentionHeads
    // A block between those of sequences stays as it was.
    let needed = lengths.map { ($0.keys + blockLength - 1) / blockLength }
    let count = needed.reduce(0, +) + 1
    var free = Array((0..<count).map { ($0 * 7 + 3) % count })
    if Set(free).count < count { free = Array((0..<count).reversed()) }
    let blocks = needed.map { need in
      defer { free.removeFirst(need) }
      return Array(free.prefix(need))
    }
    let cache = try KVCache(on: device, heads: heads, format: format, blocks: count, blockLength: blockLength)
    let plan = AttentionPlan(on: device, like: cache, span: span)
    try fill(cache, plan, blocks, operands, on: device, together: together)

    var row = 0
    let sequences = zip(lengths, blocks).map { length, blocks in
      defer { row += length.queries }
      return KVSequence(queries: row..<row + length.queries, keyCount: length.keys, blocks: blocks)
    }
    try plan.update(sequences)
    let output = try PaddedMatrix(rows: rows, columns: heads.resultColumns, gap: gap, on: device)
    let logs = try PaddedMatrix(rows: rows, columns: heads.queryHeads, gap: gap, on: device)
    try device.attend(
      Attention(
        plan, rule, queries: padded(operands.queries, rows: rows, columns: heads.queryColumns, on: device),
        cache: cache, slopes: hasSlopes ? padded(operands.slopes, rows: 1, columns: heads.queryHeads, on: device) : nil,
        sinks: hasSinks ? padded(operands.sinks, rows: 1, columns: heads.queryHeads, on: device) : nil,
        into: output.view, logSumExp: logs.view))
    let (result, intact) = try await output.contents()
    let (logSumExp, logsIntact) = try await logs.contents()
    return Outcome(result: result, logSumExp: logSumExp, guardsIntact: intact && logsIntact)
  }

  /// Appends keys and values, some tokens of every sequence at a time.
  private func fill(
    _ cache: KVCache, _ plan: AttentionPlan, _ blocks: [[Int]], _ operands: Operands, on device: any ComputeDevice,
    together: Int
  ) throws {
    let heads = cache.heads
    var done = 0
    while let longest = lengths.map(\.keys).max(), done < longest {
      let end = together < longest - done ? done + together : longest
      var (keys, values): ([Float], [Float]) = ([], [])
      var sequences: [KVSequence] = []
      for (index, length) in lengths.enumerated() where done < length.keys {
        let (first, last) = (done, min(end, length.keys))
        let row = keys.count / max(1, heads.keyColumns)
        keys += operands.keys[index][first * heads.keyColumns..<last * heads.keyColumns]
        values += operands.values[index][first * heads.valueColumns..<last * heads.valueColumns]
        sequences.append(KVSequence(queries: row..<row + last - first, keyCount: last, blocks: blocks[index]))
      }
      try plan.update(sequences)
      let rows = sequences.last?.queries.upperBound ?? 0
      try device.append(
        KVAppend(
          plan, keys: padded(keys, rows: rows, columns: heads.keyColumns, on: device),
          values: padded(values, rows: rows, columns: heads.valueColumns, on: device), into: cache))
      done = end
    }
  }

  /// A matrix with gaps between its rows, behind an element that is none of it.
  private func padded(
    _ values: [Float], rows: Int, columns: Int, on device: any ComputeDevice
  ) throws -> MatrixView {
    let stride = columns + gap
    var stored = [Float](repeating: .nan, count: 1 + rows * stride)
    for row in 0..<rows {
      stored.replaceSubrange(
        1 + row * stride..<1 + row * stride + columns, with: values[row * columns..<(row + 1) * columns])
    }
    return try MatrixView(device.upload(stored), rows: rows, columns: columns, leadingDimension: stride, offset: 1)
  }

  /// The judges of all sequences, with keys and values as they are stored.
  func references(_ operands: Operands) throws -> [AttentionReference] {
    let heads = try attentionHeads
    var row = 0
    return try lengths.indices.map { index in
      let queries = row..<row + lengths[index].queries
      row = queries.upperBound
      return try AttentionReference(
        queries: Array(
          operands.queries[queries.lowerBound * heads.queryColumns..<queries.upperBound * heads.queryColumns]),
        keys: format.stored(operands.keys[index]), values: format.stored(operands.values[index]), heads: heads,
        rule: rule, slopes: hasSlopes ? operands.slopes : nil, sinks: hasSinks ? operands.sinks : nil)
    }
  }

  /// The largest error of an outcome in units of the bound.
  func errorOverBound(_ outcome: Outcome, _ references: [AttentionReference]) throws -> Double {
    let heads = try attentionHeads
    var (row, worst) = (0, 0.0)
    for (length, reference) in zip(lengths, references) {
      let range = row..<row + length.queries
      row = range.upperBound
      worst = max(
        worst,
        reference.largestErrorOverBound(
          of: Array(outcome.result[range.lowerBound * heads.resultColumns..<range.upperBound * heads.resultColumns]),
          logSumExp: Array(
            outcome.logSumExp[range.lowerBound * heads.queryHeads..<range.upperBound * heads.queryHeads])))
    }
    return worst
  }
}

/// A row-major result with guard words between and around its rows.
struct PaddedMatrix {
  let view: MatrixView
  private let device: any ComputeDevice
  private static let guardWord = Float(bitPattern: 0x7fc0_dead)
  private static let guards = 17

  init(rows: Int, columns: Int, gap: Int, on device: any ComputeDevice) throws {
    self.device = device
    let words = [Float](repeating: Self.guardWord, count: 2 * Self.guards + rows * (columns + gap))
    view = try MatrixView(
      device.upload(words), rows: rows, columns: columns, leadingDimension: columns + gap, offset: Self.guards)
  }

  /// The elements without gaps, and whether everything else is as it was.
  func contents() async throws -> (values: [Float], guardsIntact: Bool) {
    var words = try await device.download(view.memory, as: Float.self)
    var values: [Float] = []
    for row in 0..<view.rows {
      for column in 0..<view.columns {
        let index = view.offset + row * view.rowStride + column
        values.append(words[index])
        words[index] = Self.guardWord
      }
    }
    return (values, words.allSatisfy { $0.bitPattern == Self.guardWord.bitPattern })
  }
}

extension KVFormat {
  /// What a cache makes of numbers, 32 neighbours at a time where it has blocks.
  func stored(_ values: [Float]) -> [Float] {
    switch self {
    case .f32: return values
    case .f16: return values.map { ElementType.f16.rounded($0) }
    case .bf16: return values.map { ElementType.bf16.rounded($0) }
    case .q8_0:
      return stride(from: 0, to: values.count, by: 32).flatMap { first in
        let block = values[first..<first + 32]
        let largest = block.map(abs).max() ?? 0
        let inverse = largest < 0x1p-100 ? 0 : 127 / largest
        let scale = Float(Float16(largest * (1 / 127)))
        return block.map { scale * ($0 * inverse).rounded(.toNearestOrEven) }
      }
    }
  }
}
