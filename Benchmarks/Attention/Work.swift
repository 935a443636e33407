// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

/// One line of the table: what is done, beside whom, and what is aimed at.
struct Work: Sendable {
  /// What `--only` calls it.
  let name: String
  let kind: Kind
  /// How many times as fast as the peer ShardCL should be; a share of a bandwidth where that is the peer.
  let target: Double

  /// What is done.
  enum Kind: Sendable {
    /// Storing keys and values, then attention.
    case prefill(AttentionWorkload)
    /// The same with a window, beside as many queries without one.
    case window(AttentionWorkload, beside: AttentionWorkload)
    /// Attention of one query to a cache.
    case decode(AttentionWorkload)
    /// A prefill whose heads are cut over two halves of the device.
    case halves(AttentionWorkload)
    /// An operation between products, with its matrices in the caches or out of them.
    case rows(RowOperation, isCached: Bool)
  }

  /// What ShardCL is compared with.
  enum Peer: String, Sendable {
    case torch
    /// ShardCL's causal attention.
    case causal
    /// Reading memory.
    case read
    /// Copying memory.
    case copy
    /// One half of the device.
    case half

    /// The name in the table.
    var title: String { self == .torch ? "PyTorch" : rawValue }
  }

  var peer: Peer {
    switch kind {
    case .prefill: .torch
    case .window: .causal
    case .decode: .read
    case .halves: .half
    case .rows: .copy
    }
  }
}

extension Work {
  /// The whole table.
  static func all() throws -> [Work] { try prefills() + [window()] + decodes() + rows + [halves()] }

  private static func prefills() throws -> [Work] {
    try [(8, 2, 1024, 128), (4, 1, 2048, 256), (32, 8, 512, 128)].map { queryHeads, kvHeads, tokens, size in
      Work(
        name: "prefill-\(queryHeads)/\(kvHeads)-\(tokens)x\(size)",
        kind: .prefill(try prefill(queryHeads, kvHeads, tokens, size)), target: 1)
    }
  }

  /// Queries that see as many keys as those of a causal attention of 1024 do in the mean.
  private static func window() throws -> Work {
    Work(
      name: "window-512-of-8192",
      kind: .window(try prefill(8, 2, 8192, 128, .window(512)), beside: try prefill(8, 2, 1024, 128)), target: 1 / 1.2)
  }

  private static func decodes() throws -> [Work] {
    let heads = try AttentionHeads(queryHeads: 4, kvHeads: 1, keySize: 256)
    return try KVFormat.allCases.map { format in
      let workload = try AttentionWorkload(heads: heads, queries: 1, keys: 32768, rule: AttentionRule(), format: format)
      return Work(name: "decode-\(format.rawValue)-32768x256", kind: .decode(workload), target: 0.75)
    }
  }

  private static let rows = ["cache", "memory"].flatMap { place in
    RowOperation.all.map { operation in
      Work(name: "rows-\(place)-\(operation)", kind: .rows(operation, isCached: place == "cache"), target: 0.75)
    }
  }

  private static func halves() throws -> Work {
    Work(name: "halves-8/2-1024x128", kind: .halves(try prefill(8, 2, 1024, 128)), target: 1.8)
  }

  private static func prefill(
    _ queryHeads: Int, _ kvHeads: Int, _ tokens: Int, _ size: Int, _ span: AttentionRule.Span = .causal
  ) throws -> AttentionWorkload {
    let heads = try AttentionHeads(queryHeads: queryHeads, kvHeads: kvHeads, keySize: size)
    return try AttentionWorkload(heads: heads, queries: tokens, keys: tokens, rule: AttentionRule(span))
  }
}
