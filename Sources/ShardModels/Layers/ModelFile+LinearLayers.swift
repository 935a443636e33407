// SPDX-License-Identifier: Apache-2.0
import SystemPackage

extension ModelFile {
  /// The linear layers of a decoder of the Llama, Qwen or Gemma families, layer by layer, the logits last.
  ///
  /// Head sizes come from the metadata of a GGUF file, or from the `config.json` beside safetensors files.
  ///
  /// - Throws: `ModelFileError` if a tensor or a number is missing, contradicts the others or makes no sense, or if the
  ///   model is of a family that stores its weights in another way.
  public func linearLayers() throws -> [LinearLayer] {
    let shape: ModelShape
    let names: LayerNames
    switch format {
    case .gguf(let metadata):
      shape = try ModelShape(try GGUFShapeSource(metadata))
      names = .gguf
    case .safeTensors:
      try refuseTransposedWeights()
      shape = try ModelShape(
        try ConfigShapeSource(path: FilePath(path).removingLastComponent().appending("config.json").string))
      names = .safeTensors(self)
    }
    var layers: [LinearLayer] = []
    for index in 0..<shape.layerCount {
      for role in LinearLayer.Role.allCases where role != .logits {
        let weight = try linearWeight(names.weight(role, layer: index), role, shape)
        layers.append(LinearLayer(role, weight: weight, shape: shape))
      }
      try checkFeedForward(layers.suffix(3))
    }
    // Without a matrix of their own, the logits use the embedding.
    let logits = names.logits.first { self[$0] != nil } ?? names.embedding
    layers.append(LinearLayer(.logits, weight: try linearWeight(logits, .logits, shape), shape: shape))
    return layers
  }

  /// The weight of that name, if it is a matrix of weights of the size that its role demands.
  private func linearWeight(_ name: String, _ role: LinearLayer.Role, _ shape: ModelShape) throws -> WeightTensor {
    guard let tensor = self[name] else {
      throw ModelFileError(
        .missing, file: path, field: "tensor \(quoted(name))", value: "absent",
        limit: "a model of \(shape.layerCount) layers needs it as \(role.rawValue)")
    }
    func malformed(_ field: String, _ value: String, _ limit: String) -> ModelFileError {
      ModelFileError(
        .malformed, file: tensor.path, field: "\(field) of tensor \(quoted(name))", value: value, limit: limit)
    }
    guard tensor.type.format != nil else {
      throw malformed("type", tensor.type.rawValue, "a linear layer has weights")
    }
    guard tensor.shape.count == 2, tensor.rows > 0, tensor.columns > 0 else {
      throw malformed("shape", "\(tensor.shape)", "a linear layer has outputs × inputs, neither 0")
    }
    if let rows = shape.rows(role), rows != tensor.rows {
      throw malformed("rows", "\(tensor.rows)", "the configuration makes it \(rows)")
    }
    if let columns = shape.columns(role), columns != tensor.columns {
      throw malformed("columns", "\(tensor.columns)", "the configuration makes it \(columns)")
    }
    return tensor
  }

  /// Checks that gate, up and down agree about the size between them.
  private func checkFeedForward(_ layers: ArraySlice<LinearLayer>) throws {
    guard let gate = layers.first, let down = layers.last else { return }
    for (layer, size) in zip(layers, layers.map { $0.role == .down ? $0.columns : $0.rows }) where size != gate.rows {
      throw ModelFileError(
        .malformed, file: path, field: "inner size of tensor \(quoted(layer.name))", value: "\(size)",
        limit: "\(quoted(gate.name)) has \(gate.rows), and \(quoted(down.name)) must take it")
    }
  }

  /// GPT-2 stores its weights in × out (Conv1D), and query, key and value as one.
  private func refuseTransposedWeights() throws {
    for name in ["h.0.attn.c_attn.weight", "transformer.h.0.attn.c_attn.weight"] where self[name] != nil {
      throw ModelFileError(
        .unsupported, file: path, field: "tensor \(quoted(name))", value: "of GPT-2's layout",
        limit: "weights stored in × out, with query, key and value in one, are not sharded")
    }
  }
}

/// What a family of files calls the weights.
private struct LayerNames {
  let layers: String
  let parts: [LinearLayer.Role: String]
  let logits: [String]
  let embedding: String

  func weight(_ role: LinearLayer.Role, layer: Int) -> String { "\(layers)\(layer).\(parts[role] ?? "").weight" }

  static let gguf = LayerNames(
    layers: "blk.",
    parts: [
      .query: "attn_q", .key: "attn_k", .value: "attn_v", .attentionOutput: "attn_output",
      .gate: "ffn_gate", .up: "ffn_up", .down: "ffn_down",
    ],
    logits: ["output.weight"], embedding: "token_embd.weight")

  /// The names that Hugging Face gives, after the prefix under which this model has its decoder.
  static func safeTensors(_ model: ModelFile) -> LayerNames {
    let prefixes = ["model.", "", "language_model.model.", "model.language_model."]
    let prefix = prefixes.first { model["\($0)embed_tokens.weight"] != nil } ?? "model."
    return LayerNames(
      layers: "\(prefix)layers.",
      parts: [
        .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
        .attentionOutput: "self_attn.o_proj", .gate: "mlp.gate_proj", .up: "mlp.up_proj", .down: "mlp.down_proj",
      ],
      logits: ["lm_head.weight", "language_model.lm_head.weight"], embedding: "\(prefix)embed_tokens.weight")
  }
}
