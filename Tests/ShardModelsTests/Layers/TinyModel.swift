// SPDX-License-Identifier: Apache-2.0

@testable import ShardModels

/// A model of two layers: hidden size 8, two heads of 4 sharing one key and value head, inner size 12, 16 tokens.
enum TinyModel {
  static let numbers: [String: UInt32] = [
    "llama.block_count": 2, "llama.embedding_length": 8, "llama.attention.head_count": 2,
    "llama.attention.head_count_kv": 1, "llama.attention.key_length": 4, "llama.attention.value_length": 4,
  ]

  /// Outputs and inputs of each linear layer, under GGUF's and Hugging Face's names.
  static let parts: [(gguf: String, config: String, rows: UInt64, columns: UInt64)] = [
    ("attn_q", "self_attn.q_proj", 8, 8), ("attn_k", "self_attn.k_proj", 4, 8), ("attn_v", "self_attn.v_proj", 4, 8),
    ("attn_output", "self_attn.o_proj", 8, 8), ("ffn_gate", "mlp.gate_proj", 12, 8), ("ffn_up", "mlp.up_proj", 12, 8),
    ("ffn_down", "mlp.down_proj", 8, 12),
  ]

  static func builder(
    without absent: String = "", _ change: (inout [String: UInt32]) -> Void = { _ in }
  ) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.key("general.architecture", "llama")
    var numbers = numbers
    change(&numbers)
    for (key, value) in numbers.sorted(by: { $0.key < $1.key }) { builder.key(key, value) }
    func add(_ name: String, _ rows: UInt64, _ columns: UInt64) {
      if name == absent { return }
      builder.tensor(name, [columns, rows], offset: UInt64(builder.dataByteCount))
      builder.dataByteCount += Int(rows * columns * 4)
    }
    add("token_embd.weight", 16, 8)
    for layer in 0..<2 {
      for part in parts { add("blk.\(layer).\(part.gguf).weight", part.rows, part.columns) }
    }
    return builder
  }

  static func gguf(without absent: String = "", _ change: (inout [String: UInt32]) -> Void = { _ in }) -> [UInt8] {
    builder(without: absent, change).bytes
  }
}

extension GGUFBuilder {
  func adding(_ change: (inout GGUFBuilder) -> Void) -> GGUFBuilder {
    var copy = self
    change(&copy)
    return copy
  }
}
