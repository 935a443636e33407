// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The sizes of one layer of a decoder-only transformer: attention and a gated feed-forward network, each after an RMSNorm.
public struct LayerShape: Hashable, Sendable {
  /// The model's name, such as `llama-3-8b`.
  public let name: String
  /// Numbers of a token between layers.
  public let hiddenSize: Int
  /// Query heads.
  public let queryHeads: Int
  /// KV heads.
  public let kvHeads: Int
  /// Numbers of a head.
  public let headSize: Int
  /// Numbers of a token inside the feed-forward network.
  public let feedForwardSize: Int
  /// What becomes of a gate.
  public var activation = Epilogue.Activation.silu
  /// Whether the products that make queries, keys and values have biases.
  public var hasBiases = false
  /// Whether queries and keys are normed head by head.
  public var normsHeads = false
  /// Whether what attention and the network make is normed before it is added.
  public var normsResults = false
  /// The sliding window of the attention, nil for none.
  public var window: Int?
  /// The soft-cap of scores, nil for none.
  public var softcap: Float?
  /// θ of the rotary embedding.
  public var rotaryBase = 10000.0

  /// Layers of models that are much used, from their published configurations; of models whose layers differ those with
  /// a window. Scaled frequencies of the rotary embedding cost nothing and are left out.
  public static let all = [
    LayerShape("llama-3.2-1b", 2048, 32, 8, 64, 8192) { $0.rotaryBase = 5e5 },
    LayerShape("llama-3-8b", 4096, 32, 8, 128, 14336) { $0.rotaryBase = 5e5 },
    LayerShape("llama-3-70b", 8192, 64, 8, 128, 28672) { $0.rotaryBase = 5e5 },
    LayerShape("mistral-7b", 4096, 32, 8, 128, 14336) { $0.rotaryBase = 1e6 },
    LayerShape("qwen2.5-0.5b", 896, 14, 2, 64, 4864) {
      $0.hasBiases = true
      $0.rotaryBase = 1e6
    },
    LayerShape("qwen2.5-7b", 3584, 28, 4, 128, 18944) {
      $0.hasBiases = true
      $0.rotaryBase = 1e6
    },
    LayerShape("qwen3-8b", 4096, 32, 8, 128, 12288) {
      $0.normsHeads = true
      $0.rotaryBase = 1e6
    },
    LayerShape("phi-3-mini", 3072, 32, 32, 96, 8192) { $0.window = 2047 },
    LayerShape("gemma-2-9b", 3584, 16, 8, 256, 14336) {
      $0.activation = .geluTanh
      $0.normsResults = true
      $0.window = 4096
      $0.softcap = 50
    },
    gemma3("gemma-3-270m", 640, 4, 1, 256, 2048),
    gemma3("gemma-3-1b", 1152, 4, 1, 256, 6912),
  ]

  /// The layer of that name.
  public static func named(_ name: String) -> LayerShape? { all.first { $0.name == name } }

  /// Any other layer.
  public init(
    name: String, hiddenSize: Int, queryHeads: Int, kvHeads: Int, headSize: Int, feedForwardSize: Int
  ) {
    self.name = name
    self.hiddenSize = hiddenSize
    self.queryHeads = queryHeads
    self.kvHeads = kvHeads
    self.headSize = headSize
    self.feedForwardSize = feedForwardSize
  }

  private init(
    _ name: String, _ hiddenSize: Int, _ queryHeads: Int, _ kvHeads: Int, _ headSize: Int, _ feedForwardSize: Int,
    _ change: (inout LayerShape) -> Void
  ) {
    self.init(
      name: name, hiddenSize: hiddenSize, queryHeads: queryHeads, kvHeads: kvHeads, headSize: headSize,
      feedForwardSize: feedForwardSize)
    change(&self)
  }

  private static func gemma3(
    _ name: String, _ hiddenSize: Int, _ queryHeads: Int, _ kvHeads: Int, _ headSize: Int, _ feedForwardSize: Int
  ) -> LayerShape {
    LayerShape(name, hiddenSize, queryHeads, kvHeads, headSize, feedForwardSize) {
      $0.activation = .geluTanh
      $0.normsHeads = true
      $0.normsResults = true
      $0.window = 512
    }
  }

  /// The heads of the attention.
  ///
  /// - Throws: `ComputeError.mismatch` where they do not group.
  public var heads: AttentionHeads {
    get throws { try AttentionHeads(queryHeads: queryHeads, kvHeads: kvHeads, keySize: headSize) }
  }

  /// What a query sees.
  ///
  /// - Throws: `ComputeError.mismatch` for a window or soft-cap that is not possible.
  public var rule: AttentionRule {
    get throws { try AttentionRule(window.map { .window($0) } ?? .causal, softcap: softcap) }
  }

  /// Numbers of the weights of all products.
  public var parameterCount: Int {
    hiddenSize * (headSize * (2 * queryHeads + 2 * kvHeads) + 3 * feedForwardSize)
  }
}
