// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ShardCL
import ShardCompute

extension KVFormat: ExpressibleByArgument {
  /// In any case.
  public init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}
extension AttentionWorkload.Cut: ExpressibleByArgument {}

/// `shardcl bench attention`: attention over a cache of keys and values, prefill and decode.
struct BenchAttentionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention",
    abstract: "Measure attention over a cache of keys and values, and check it against the CPU.",
    discussion: """
      Each attention runs in turns with the same one on one of the devices alone, with the storing of its keys and \
      values, with an fma loop and with the reading of memory, so that ratios hold on a machine whose speed varies.
        shardcl bench attention --devices cpu/2 --heads 8/2x128 --shape 1024x1024
        shardcl bench attention --heads 4/1x256 --shape 1x32K --kv f16       one query: a step of decode
        shardcl bench attention --heads 4/1x256 --shape 512x8K --window 512
      """)

  @OptionGroup var options: BenchOptions

  @Option(
    help: ArgumentHelp(
      "Query heads, KV heads and their size; repeatable (default: 8/2x128). Values may have another: 8/2x192x128.",
      valueName: "Q/KVxSIZE"))
  var heads: [HeadsArgument] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Queries and keys of a sequence; repeatable, lists as in bench matmul (default: 1024x1024 and 1x8192).",
      valueName: "QxK"))
  var shape: [QueryShapeList] = []

  @Option(help: "Sequences side by side.")
  var sequences = 1

  @Option(help: "How keys and values are stored; repeatable (default: f32).")
  var kv: [KVFormat] = []

  @Option(help: "Let a query see so many keys up to its own only (sliding window).")
  var window: Int?

  @Flag(help: "Let every query see all keys, also those behind its own.")
  var noCausal = false

  @Option(help: "The soft-cap of scores.")
  var softcap: Float?

  @Option(help: "What is cut over the devices: heads, or keys with all heads on each.")
  var cut = AttentionWorkload.Cut.heads

  func validate() throws {
    guard window == nil || !noCausal else { throw ValidationError("--window and --no-causal exclude each other") }
    guard (1...4096).contains(sequences) else { throw ValidationError("--sequences is 1 to 4096, not \(sequences)") }
  }

  func run() async throws {
    let workloads = try workloads()
    let session = try BenchSession(options)
    let benchmark = AttentionBenchmark(
      on: session.mesh, budget: options.budget, checks: !options.noCheck, seed: options.seed)
    try await session.run(
      workloads.map { workload in { workload } }, AttentionReport(session),
      title: { "\($0.heads), \($0.queries)x\($0.keys)" }, measure: benchmark.run)
  }

  /// What is impossible is a request that is wrong.
  private func workloads() throws -> [AttentionWorkload] {
    do {
      let span: AttentionRule.Span = noCausal ? .all : window.map { .window($0) } ?? .causal
      let rule = try AttentionRule(span, softcap: softcap)
      let all =
        try heads.isEmpty ? [AttentionHeads(queryHeads: 8, kvHeads: 2, keySize: 128)] : heads.map { try $0.heads() }
      let shapes = shape.isEmpty ? [(1024, 1024), (1, 8192)] : shape.flatMap(\.shapes)
      return try all.flatMap { heads in
        try shapes.flatMap { queries, keys in
          try (kv.isEmpty ? [.f32] : kv).map { format in
            try AttentionWorkload(
              heads: heads, sequences: sequences, queries: queries, keys: keys, rule: rule, format: format, cut: cut)
          }
        }
      }
    } catch let error as ComputeError {
      throw ValidationError("\(error)")
    }
  }
}

/// An argument such as `8/2x128`, or `8/2x192x128` where values have a size of their own.
struct HeadsArgument: ExpressibleByArgument, Hashable {
  let queryHeads, kvHeads, keySize, valueSize: Int

  init?(argument: String) {
    let parts = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false)
    let counts = parts[0].split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    let sizes = parts.dropFirst().map { Int($0) }
    guard (2...3).contains(parts.count), (1...2).contains(counts.count), let query = counts[0],
      let kv = counts[counts.count - 1], let key = sizes.first ?? nil, let value = sizes.last ?? nil
    else { return nil }
    (queryHeads, kvHeads, keySize, valueSize) = (query, kv, key, value)
  }

  func heads() throws -> AttentionHeads {
    try AttentionHeads(queryHeads: queryHeads, kvHeads: kvHeads, keySize: keySize, valueSize: valueSize)
  }
}

/// An argument of `--shape`: `1024x1024`, where both may be a list or a range.
struct QueryShapeList: ExpressibleByArgument {
  let shapes: [(queries: Int, keys: Int)]

  init?(argument: String) {
    let parts = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false).map(ShapeList.sizes)
    guard parts.count == 2, let queries = parts[0], let keys = parts[1], queries.count * keys.count <= ShapeList.limit
    else { return nil }
    shapes = queries.flatMap { q in keys.map { (q, $0) } }
  }
}
