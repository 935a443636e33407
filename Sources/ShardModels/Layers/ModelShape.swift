// SPDX-License-Identifier: Apache-2.0

/// The numbers that a model's configuration gives its layers, checked for sense.
struct ModelShape: Hashable, Sendable {
  let layerCount: Int
  let hiddenSize: Int
  let headCount: Int
  let kvHeadCount: Int
  let keySize: Int
  let valueSize: Int

  /// What a configuration calls a number.
  struct Field {
    let gguf: String
    let config: String

    static let layerCount = Field(gguf: "block_count", config: "num_hidden_layers")
    static let hiddenSize = Field(gguf: "embedding_length", config: "hidden_size")
    static let headCount = Field(gguf: "attention.head_count", config: "num_attention_heads")
    static let kvHeadCount = Field(gguf: "attention.head_count_kv", config: "num_key_value_heads")
    static let keySize = Field(gguf: "attention.key_length", config: "head_dim")
    static let valueSize = Field(gguf: "attention.value_length", config: "head_dim")
  }

  /// Reads the numbers from `source`.
  ///
  /// - Throws: `ModelFileError` if one is missing or makes no sense.
  init(_ source: some ModelShapeSource) throws {
    func error(_ field: Field, _ value: String, _ limit: String, _ kind: ModelFileError.Kind = .malformed)
      -> ModelFileError
    {
      ModelFileError(kind, file: source.path, field: source.name(field), value: value, limit: limit)
    }
    func read(_ field: Field, atMost limit: Int, otherwise fallback: Int?) throws -> Int {
      guard let value = try source.integer(field) ?? fallback else {
        throw error(field, "absent", "the layers cannot be cut without it", .missing)
      }
      guard (1...limit).contains(value) else { throw error(field, "\(value)", "it must be 1 to \(limit)") }
      return value
    }
    layerCount = try read(.layerCount, atMost: 512, otherwise: nil)
    hiddenSize = try read(.hiddenSize, atMost: 1 << 24, otherwise: nil)
    headCount = try read(.headCount, atMost: 1 << 16, otherwise: nil)
    kvHeadCount = try read(.kvHeadCount, atMost: 1 << 16, otherwise: headCount)
    guard headCount.isMultiple(of: kvHeadCount) else {
      throw error(.kvHeadCount, "\(kvHeadCount)", "it must divide \(source.name(.headCount)), \(headCount)")
    }
    // Without a head size of its own, the heads share the hidden state evenly.
    let evenSize = hiddenSize.isMultiple(of: headCount) ? hiddenSize / headCount : nil
    keySize = try read(.keySize, atMost: 1 << 16, otherwise: evenSize)
    valueSize = try read(.valueSize, atMost: 1 << 16, otherwise: evenSize)
  }

  /// The size of the heads that the weight of `role` makes or takes, nil if it has none.
  func headSize(_ role: LinearLayer.Role) -> Int? {
    switch role {
    case .query, .key: keySize
    case .value, .attentionOutput: valueSize
    case .gate, .up, .down, .logits: nil
    }
  }

  /// How many rows the weight of `role` must have, nil if it is free.
  func rows(_ role: LinearLayer.Role) -> Int? {
    switch role {
    case .query: headCount * keySize
    case .key: kvHeadCount * keySize
    case .value: kvHeadCount * valueSize
    case .attentionOutput, .down: hiddenSize
    case .gate, .up, .logits: nil
    }
  }

  /// How many columns the weight of `role` must have, nil if it is free.
  func columns(_ role: LinearLayer.Role) -> Int? {
    switch role {
    case .attentionOutput: headCount * valueSize
    case .down: nil
    case .query, .key, .value, .gate, .up, .logits: hiddenSize
    }
  }
}

/// Where a model's configuration is.
protocol ModelShapeSource {
  /// The path, for errors.
  var path: String { get }
  /// The name of a field, for errors.
  func name(_ field: ModelShape.Field) -> String
  /// The number that a field has, nil if it is absent.
  func integer(_ field: ModelShape.Field) throws -> Int?
}

/// The metadata of a GGUF file.
struct GGUFShapeSource: ModelShapeSource {
  let metadata: GGUFMetadata
  let architecture: String

  init(_ metadata: GGUFMetadata) throws {
    guard let architecture = try metadata.string("general.architecture") else {
      throw ModelFileError(
        .missing, file: metadata.path, field: "general.architecture", value: "absent",
        limit: "the layers cannot be cut without it")
    }
    self.metadata = metadata
    self.architecture = architecture
  }

  var path: String { metadata.path }
  func name(_ field: ModelShape.Field) -> String { "\(architecture).\(field.gguf)" }
  func integer(_ field: ModelShape.Field) throws -> Int? { try metadata.integer(name(field)) }
}

/// The `config.json` beside safetensors files.
struct ConfigShapeSource: ModelShapeSource {
  let path: String
  let config: JSONValue

  init(path: String) throws {
    let file = try MappedFile(path: path)
    let bytes = try file.withBytes(in: 0..<min(file.byteCount, JSONValue.byteLimit + 1)) { Array($0) }
    let whole = try JSONValue(parsing: bytes, file: path, subject: "config")
    self.path = path
    // Models that also see or hear keep the transformer's numbers one level down.
    config = whole[ModelShape.Field.layerCount.config] == nil ? whole["text_config"] ?? whole : whole
  }

  func name(_ field: ModelShape.Field) -> String { field.config }

  func integer(_ field: ModelShape.Field) throws -> Int? {
    guard let value = config[field.config], value != .null else { return nil }
    guard let number = value.integer else {
      throw ModelFileError(
        .malformed, file: path, field: field.config, value: "no whole number",
        limit: "it must be one below 2^63")
    }
    return number
  }
}
