// SPDX-License-Identifier: Apache-2.0
import SystemPackage

extension ModelFile {
  /// The names under which a folder's weights are looked for, in this order.
  static let folderEntries = ["model.safetensors.index.json", "model.safetensors"]

  /// Opens a GGUF file, a safetensors file, an index of several, or a folder that has one of the last two.
  ///
  /// The format is recognised by the content. The header is read and checked, weights are not touched.
  ///
  /// - Throws: `ModelFileError` if something is wrong with a file, with the field, its value and the limit.
  public static func open(_ path: String) throws -> ModelFile {
    guard !isFolder(path) else { return try openFolder(path) }
    let file = try MappedFile(path: path)
    let isGGUF = try file.withBytes(in: 0..<min(4, file.byteCount)) { $0.elementsEqual(GGUFReader.magic) }
    if isGGUF || path.hasSuffix(".gguf") {
      let reader = try GGUFReader(file)
      try reader.tensors.checkDisjoint()
      return try ModelFile(path: path, format: .gguf(reader.metadata), tensors: reader.tensors)
    }
    if path.hasSuffix(".json") {
      return try openIndex(file)
    }
    // A name that promises safetensors gets that reader's more telling error.
    if path.hasSuffix(".safetensors") || SafeTensorsReader.recognises(file) {
      let reader = try SafeTensorsReader(file)
      return try ModelFile(path: path, format: .safeTensors(reader.metadata), tensors: reader.tensors)
    }
    throw ModelFileError(
      .malformed, file: path, field: "first bytes",
      value: quoted(bytes: try file.withBytes(in: 0..<min(16, file.byteCount)) { Array($0) }),
      limit: "a model file is GGUF or safetensors")
  }

  private static func isFolder(_ path: String) -> Bool {
    (try? FilePath(path).stat().type) == .directory
  }

  private static func openFolder(_ path: String) throws -> ModelFile {
    let candidates = folderEntries.map { FilePath(path).appending($0) }
    guard let found = candidates.first(where: { (try? $0.stat()) != nil }) else {
      throw ModelFileError(
        .missing, file: path, field: "the folder's model", value: "absent",
        limit: "it must have \(folderEntries.joined(separator: " or ")); or give the path of a GGUF file")
    }
    return try open(found.string)
  }

  private static func openIndex(_ file: MappedFile) throws -> ModelFile {
    let index = try SafeTensorsIndex(file)
    var metadata = SafeTensorsMetadata()
    var tensors: [WeightTensor] = []
    for name in index.files {
      let shard = FilePath(file.path).removingLastComponent().appending(name)
      let reader = try SafeTensorsReader(try MappedFile(path: shard.string))
      for key in reader.metadata.keys { metadata.add(key, reader.metadata[key] ?? "") }
      tensors += reader.tensors
    }
    let model = try ModelFile(path: file.path, format: .safeTensors(metadata), tensors: tensors)
    for (name, shard) in index.entries {
      guard let tensor = model[name], FilePath(tensor.path).lastComponent?.string == shard else {
        throw ModelFileError(
          .missing, file: file.path, field: "tensor \(quoted(name))", value: "absent from \(quoted(shard))",
          limit: "the index says that it is there")
      }
    }
    return model
  }
}
