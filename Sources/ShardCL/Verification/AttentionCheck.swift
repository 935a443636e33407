// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// An attention of several sequences on one device: new keys and values into a cache whose blocks lie anywhere, then the
/// queries; against the formula in f64, and the CPU fallback's bits.
struct AttentionCheck: Sendable, CustomStringConvertible {
  /// Queries and keys of each sequence.
  let lengths: [(queries: Int, keys: Int)]
  var heads = (query: 4, kv: 2)
  var sizes = (key: 32, value: 32)
  var span = AttentionRule.Span.causal
  var format = KVFormat.f32
  /// Soft-cap, slopes and sinks.
  var isShaped = false

  var description: String {
    let spanName =
      switch span {
      case .all: "all"
      case .causal: "causal"
      case .window(let length): "window-\(length)"
      }
    return "\(format.rawValue)/\(lengths.map { "\($0.queries)of\($0.keys)" }.joined(separator: "+"))/"
      + "\(heads.query)-\(heads.kv)x\(sizes.key)-\(sizes.value)/\(spanName)" + (isShaped ? "/shaped" : "")
  }

  private static let blockLength = 64
  private var rows: Int { lengths.reduce(0) { $0 + $1.queries } }
  private var shape: AttentionHeads {
    get throws {
      try AttentionHeads(queryHeads: heads.query, kvHeads: heads.kv, keySize: sizes.key, valueSize: sizes.value)
    }
  }
  private var rule: AttentionRule { get throws { try AttentionRule(span, softcap: isShaped ? 6 : nil) } }

  /// Row-major without gaps; keys and values of all sequences.
  private struct Operands {
    let queries, keys, values, slopes, sinks: [Float]

    init(_ check: AttentionCheck, seed: UInt64) throws {
      let (heads, keyCount) = (try check.shape, check.lengths.reduce(0) { $0 + $1.keys })
      func numbers(_ name: String, _ count: Int) -> [Float] {
        SeededNumbers(seed: seed, name: "\(check)/\(name)").floats(count)
      }
      queries = numbers("queries", check.rows * heads.queryColumns).map { 3 * $0 }
      keys = numbers("keys", keyCount * heads.keyColumns).map { 3 * $0 }
      values = numbers("values", keyCount * heads.valueColumns)
      slopes = (0..<heads.queryHeads).map { Float($0 + 1) / 32 }
      sinks = numbers("sinks", heads.queryHeads)
    }
  }

  func run(on device: any ComputeDevice, seed: UInt64) async throws -> Findings {
    let operands = try Operands(self, seed: seed)
    let (found, stray) = try await outcome(on: device, operands)
    let (expected, _) = try await outcome(on: HostDevice(), operands)
    var findings = Findings()
    findings.strayBytes = stray
    findings.sameBits =
      found.result.map(\.bitPattern) == expected.result.map(\.bitPattern)
      && found.logs.map(\.bitPattern) == expected.logs.map(\.bitPattern)
    // The reference takes numbers as a cache has them, which blocks do not show.
    if format != .q8_0 { findings.largestErrorOverBound = try errorOverBound(found, operands) }
    return findings
  }

  private func outcome(
    on device: any ComputeDevice, _ operands: Operands
  ) async throws -> (found: (result: [Float], logs: [Float]), strayBytes: Int) {
    let heads = try shape
    let counts = lengths.map { ($0.keys + Self.blockLength - 1) / Self.blockLength }
    let cache = try KVCache(
      on: device, heads: heads, format: format, blocks: counts.reduce(0, +), blockLength: Self.blockLength)
    let plan = AttentionPlan(on: device, like: cache, span: span)
    func update(_ rows: KeyPath<(queries: Int, keys: Int), Int>) throws {
      var (row, block) = (0, counts.reduce(0, +))
      try plan.update(
        zip(lengths, counts).map { length, count in
          defer { row += length[keyPath: rows] }
          block -= count
          return KVSequence(
            queries: row..<row + length[keyPath: rows], keyCount: length.keys,
            blocks: Array((block..<block + count).reversed()))
        })
    }
    func matrix(_ values: [Float], _ columns: Int) throws -> MatrixView {
      try MatrixView(device.upload(values), rows: columns == 0 ? 0 : values.count / columns, columns: columns)
    }
    try update(\.keys)
    try await device.enqueue {
      try device.append(
        KVAppend(
          plan, keys: matrix(operands.keys, heads.keyColumns), values: matrix(operands.values, heads.valueColumns),
          into: cache))
    }
    try update(\.queries)
    let result = try GuardedOperand(device, count: rows * heads.resultColumns)
    let logs = try GuardedOperand(device, count: rows * heads.queryHeads)
    let attention = try Attention(
      plan, rule, queries: matrix(operands.queries, heads.queryColumns), cache: cache,
      slopes: isShaped ? matrix(operands.slopes, heads.queryHeads) : nil,
      sinks: isShaped ? matrix(operands.sinks, heads.queryHeads) : nil,
      into: MatrixView(result.memory, rows: rows, columns: heads.resultColumns, offset: result.offset),
      logSumExp: MatrixView(logs.memory, rows: rows, columns: heads.queryHeads, offset: logs.offset))
    try await device.enqueue { try device.attend(attention) }
    let (elements, strayAtResult) = try await result.contents()
    let (sums, strayAtLogs) = try await logs.contents()
    return ((elements.array(of: Float.self), sums.array(of: Float.self)), strayAtResult + strayAtLogs)
  }

  private func errorOverBound(_ found: (result: [Float], logs: [Float]), _ operands: Operands) throws -> Double {
    let heads = try shape
    let elementType: ElementType = format == .bf16 ? .bf16 : format == .f16 ? .f16 : .f32
    func stored(_ values: ArraySlice<Float>) -> [Float] {
      HostMemory(Array(values), as: elementType).floats(0..<values.count, elementType)
    }
    var (row, key, worst) = (0, 0, 0.0)
    for length in lengths {
      let (queries, keys) = (row..<row + length.queries, key..<key + length.keys)
      (row, key) = (queries.upperBound, keys.upperBound)
      func part(_ values: [Float], _ rows: Range<Int>, _ columns: Int) -> ArraySlice<Float> {
        values[rows.lowerBound * columns..<rows.upperBound * columns]
      }
      let reference = try AttentionReference(
        queries: Array(part(operands.queries, queries, heads.queryColumns)),
        keys: stored(part(operands.keys, keys, heads.keyColumns)),
        values: stored(part(operands.values, keys, heads.valueColumns)), heads: heads, rule: rule,
        slopes: isShaped ? operands.slopes : nil, sinks: isShaped ? operands.sinks : nil)
      worst = max(
        worst,
        reference.largestErrorOverBound(
          of: Array(part(found.result, queries, heads.resultColumns)),
          logSumExp: Array(part(found.logs, queries, heads.queryHeads))))
    }
    return worst
  }
}

extension Verification {
  /// Attentions of few and many queries, of every cache, span and group.
  static func attentionCases(
    _ label: String, _ device: any ComputeDevice, _ extent: Extent
  ) -> [VerificationCase] {
    let small = [
      AttentionCheck(lengths: [(5, 40), (1, 140)], heads: (2, 1), sizes: (8, 40), format: .f32),
      AttentionCheck(lengths: [(3, 130)], heads: (2, 2), sizes: (32, 32), format: .q8_0),
    ]
    let full = [
      AttentionCheck(lengths: [(0, 0), (1, 1), (3, 2)]),
      AttentionCheck(lengths: [(17, 300), (1, 129)], sizes: (80, 72)),
      AttentionCheck(lengths: [(1, 1500)], heads: (4, 1), format: .f16),
      AttentionCheck(lengths: [(20, 400)], span: .window(100), format: .bf16),
      AttentionCheck(lengths: [(9, 64)], heads: (3, 3), span: .all, isShaped: true),
      AttentionCheck(lengths: [(33, 33), (2, 700)], sizes: (64, 96), format: .q8_0, isShaped: true),
    ]
    let subject =
      switch device.capabilities.architecture {
      case .gpu: "attention/lanes"
      case .cpu: "attention/panels"
      case .host: "host/attention"
      }
    return (extent == .small ? small : small + full).map { check in
      VerificationCase(name: "kernel/attention/\(label)/\(check)", subject: subject, ranks: 1) {
        try await check.run(on: device, seed: $0)
      }
    }
  }
}
