// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import ShardModels

@Suite("linear layers") struct LinearLayerTests {
  /// `TinyModel` as a Hugging Face folder, its names after `prefix`.
  private func folder(prefix: String = "model.", config: String? = nil, tied: Bool = true) throws -> TemporaryFolder {
    var entries: [String] = []
    var end = 0
    func add(_ name: String, _ rows: UInt64, _ columns: UInt64) {
      let size = Int(rows * columns * 2)
      entries.append(
        SafeTensorsBuilder.entry(name, "[\(end),\(end + size)]", type: "BF16", shape: "[\(rows),\(columns)]"))
      end += size
    }
    add("\(prefix)embed_tokens.weight", 16, 8)
    for layer in 0..<2 {
      for part in TinyModel.parts {
        add("\(prefix)layers.\(layer).\(part.config).weight", part.rows, part.columns)
      }
    }
    if !tied { add("lm_head.weight", 16, 8) }
    let folder = try TemporaryFolder()
    try folder.write(
      "model.safetensors", SafeTensorsBuilder.file("{\(entries.joined(separator: ","))}", data: end))
    let plain = """
      {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": null}
      """
    try folder.write("config.json", Array((config ?? plain).utf8))
    return folder
  }

  private func checkTiny(_ layers: [LinearLayer], type: TensorType, names: [String], logits: String) {
    #expect(layers.count == 15)
    #expect(layers.prefix(7).map(\.name) == names)
    #expect(layers.prefix(7).map(\.role) == [.query, .key, .value, .attentionOutput, .gate, .up, .down])
    #expect(layers.prefix(7).map(\.rows) == [8, 4, 4, 8, 12, 12, 8])
    #expect(layers.prefix(7).map(\.columns) == [8, 8, 8, 8, 8, 8, 12])
    #expect(layers.prefix(7).map(\.parallelism) == [.column, .column, .column, .row, .column, .column, .row])
    #expect(layers.prefix(7).map(\.unit) == [4, 4, 4, 4, 1, 1, 1])
    #expect(layers.last?.role == .logits && layers.last?.name == logits && layers.last?.rows == 16)
    #expect(layers.allSatisfy { $0.type == type })
    #expect(layers.distinct.map(\.name) == names + [logits])
  }

  @Test("of a GGUF file are named, cut and counted") func gguf() throws {
    let folder = try TemporaryFolder()
    let model = try ModelFile.open(try folder.write("tiny.gguf", TinyModel.gguf()))
    checkTiny(
      try model.linearLayers(), type: .f32, names: TinyModel.parts.map { "blk.0.\($0.gguf).weight" },
      logits: "token_embd.weight")
  }

  @Test("of a folder are named, cut and counted", arguments: ["model.", "", "model.language_model."])
  func safeTensors(prefix: String) throws {
    let folder = try folder(prefix: prefix)
    checkTiny(
      try ModelFile.open(folder.path).linearLayers(), type: .bf16,
      names: TinyModel.parts.map { "\(prefix)layers.0.\($0.config).weight" }, logits: "\(prefix)embed_tokens.weight")
  }

  @Test("have logits of their own if the file has") func untied() throws {
    let folder = try folder(tied: false)
    let layers = try ModelFile.open(folder.path).linearLayers()
    #expect(layers.last?.name == "lm_head.weight")
  }

  @Test("of a model that also sees are found one level down") func nestedConfiguration() throws {
    let config = """
      {"text_config": {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1}}
      """
    let folder = try folder(config: config)
    #expect(try ModelFile.open(folder.path).linearLayers().count == 15)
  }

  @Test("keep blocks and heads whole where inputs are cut") func units() throws {
    let shape = try ModelShape(
      FixedShapeSource(numbers: [
        "block_count": 1, "embedding_length": 640, "attention.head_count": 4, "attention.key_length": 80,
        "attention.value_length": 96,
      ]))
    let folder = try TemporaryFolder()
    let file = try MappedFile(path: try folder.write("zeros", [UInt8](repeating: 0, count: 210 * 6)))
    func unit(_ role: LinearLayer.Role, _ type: TensorType) throws -> Int {
      let layout = try TensorLayout(type: type, shape: [1, 1536], name: "w", file: "f")
      return LinearLayer(role, weight: WeightTensor(name: "w", layout: layout, firstByte: 0, file: file), shape: shape)
        .unit
    }
    #expect(try unit(.attentionOutput, .q6_K) == 768)  // heads of 96, blocks of 256
    #expect(try unit(.attentionOutput, .q8_0) == 96)
    #expect(try unit(.attentionOutput, .f16) == 96)
    #expect(try unit(.down, .q4_K) == 256)
    #expect(try unit(.down, .f32) == 1)
    #expect(try unit(.query, .q8_0) == 80)
    #expect(try unit(.value, .q8_0) == 96)
    #expect(try unit(.logits, .q6_K) == 1)
  }

  @Test("of GPT-2's layout, without or with a broken configuration are refused") func refusals() throws {
    let gpt2 = try TemporaryFolder()
    try gpt2.write(
      "model.safetensors",
      SafeTensorsBuilder.file(
        "{\(SafeTensorsBuilder.entry("transformer.h.0.attn.c_attn.weight", "[0,32]"))}", data: 32))
    let error = #expect(throws: ModelFileError.self) { try ModelFile.open(gpt2.path).linearLayers() }
    #expect(error?.kind == .unsupported && error?.description.contains("in × out") == true)

    let bare = try folder()
    try FileManager.default.removeItem(atPath: bare.path + "/config.json")
    #expect(throws: ModelFileError.self) { try ModelFile.open(bare.path).linearLayers() }
    let configurations = [
      ("{}", "num_hidden_layers"), ("[]", "num_hidden_layers"), ("", "config, byte 0"),
      ("{\"num_hidden_layers\": \"two\"}", "num_hidden_layers"), ("{\"num_hidden_layers\": 2.0}", "num_hidden_layers"),
      ("{\"num_hidden_layers\": 2, \"hidden_size\": 7, \"num_attention_heads\": 2}", "head_dim"),
      ("{\"num_hidden_layers\": 2, \"hidden_size\": 8, \"num_attention_heads\": 4}", "rows of tensor"),
      (
        "{\"num_hidden_layers\": 3, \"hidden_size\": 8, \"num_attention_heads\": 2, \"num_key_value_heads\": 1}",
        "model.layers.2.self_attn.q_proj.weight"
      ),
    ]
    for (configuration, field) in configurations {
      let folder = try folder(config: configuration)
      let error = #expect(throws: ModelFileError.self) { try ModelFile.open(folder.path).linearLayers() }
      #expect(error?.field.contains(field) == true, "\(configuration): \(String(describing: error))")
    }
  }

  /// Where `Scripts/fetch-model` puts Gemma 3 270M.
  static var gemma: String {
    let environment = ProcessInfo.processInfo.environment
    let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
    return cache + "/shardcl/models/gemma-3-270m-q4_k_m.gguf"
  }

  @Test("of Gemma 3 270M are all there", .enabled(if: FileManager.default.fileExists(atPath: gemma)))
  func gemmaLayers() throws {
    let model = try ModelFile.open(Self.gemma)
    guard case .gguf(let metadata) = model.format else { throw CancellationError() }
    #expect(try metadata.array("tokenizer.ggml.tokens")?.count == 262_144)
    let layers = try model.linearLayers()
    #expect(layers.count == 18 * 7 + 1)
    #expect(layers.filter { $0.role == .query }.allSatisfy { $0.rows == 1024 && $0.columns == 640 && $0.unit == 256 })
    #expect(layers.filter { $0.role == .down }.allSatisfy { $0.rows == 640 && $0.columns == 2048 })
    #expect(layers.last?.rows == 262_144)
    // The embedding of the first token, a row alone out of 180 MB.
    let logits = try model.tensor(layers.last?.name ?? "")
    let row = try logits.dequantised(rows: 2..<3, columns: 0..<640)
    #expect(row.allSatisfy(\.isFinite) && row.contains { $0 != 0 })
  }
}

/// Numbers given in a test.
private struct FixedShapeSource: ModelShapeSource {
  let numbers: [String: Int]
  var path: String { "test" }
  func name(_ field: ModelShape.Field) -> String { field.gguf }
  func integer(_ field: ModelShape.Field) throws -> Int? { numbers[field.gguf] }
}
