// SPDX-License-Identifier: Apache-2.0

/// An open model: the tensors of a GGUF file, of a safetensors file, or of a folder of them.
///
/// Opening reads and checks the headers; weights are read when they are asked for.
/// ```swift
/// let model = try ModelFile.open("gemma-3-270m-q4_k_m.gguf")
/// let weight = try model.tensor("blk.0.attn_q.weight")
/// let firstRank = try weight.dequantised(rows: 0..<512, columns: 0..<weight.columns)
/// ```
public struct ModelFile: Sendable {
  /// The format, with what only that format has.
  public enum Format: Sendable {
    /// A GGUF file with its metadata.
    case gguf(GGUFMetadata)
    /// One or more safetensors files, with what their headers say under `__metadata__`; the first file that has a key
    /// decides its text.
    case safeTensors(SafeTensorsMetadata)
  }

  /// The path, as it was given.
  public let path: String
  /// The format, with its metadata.
  public let format: Format
  /// All tensors, in the file's order; those of a folder file by file.
  public let tensors: [WeightTensor]
  private let indices: [ExactString: Int]

  /// - Throws: `ModelFileError` if two tensors have one name or share bytes of a file.
  init(path: String, format: Format, tensors: [WeightTensor]) throws {
    var indices: [ExactString: Int] = [:]
    for (index, tensor) in tensors.enumerated() {
      guard let first = indices.updateValue(index, forKey: ExactString(tensor.name)) else { continue }
      throw ModelFileError(
        .malformed, file: tensor.path, field: "tensor \(index)", value: quoted(tensor.name),
        limit: "names must be unique, and \(tensors[first].path) has it as tensor \(first)")
    }
    self.path = path
    self.format = format
    self.tensors = tensors
    self.indices = indices
  }

  /// The tensor of that name, compared byte for byte.
  ///
  /// - Throws: `ModelFileError` of kind `missing` if there is none.
  public func tensor(_ name: String) throws -> WeightTensor {
    guard let tensor = self[name] else {
      throw ModelFileError(
        .missing, file: path, field: "tensor \(quoted(name))", value: "absent",
        limit: "the file has \(tensors.count) tensors, but not this one")
    }
    return tensor
  }

  /// The tensor of that name, compared byte for byte, or nil.
  public subscript(name: String) -> WeightTensor? { indices[ExactString(name)].map { tensors[$0] } }
}

extension [WeightTensor] {
  /// Checks that no two of these tensors, all of one file, have bytes in common.
  func checkDisjoint() throws {
    let byStart = filter { !$0.byteRange.isEmpty }.sorted { $0.byteRange.lowerBound < $1.byteRange.lowerBound }
    for (first, second) in zip(byStart, byStart.dropFirst())
    where second.byteRange.lowerBound < first.byteRange.upperBound {
      throw ModelFileError(
        .malformed, file: second.path, field: "first byte of tensor \(quoted(second.name))",
        value: "\(second.byteRange.lowerBound)",
        limit: "tensors must not overlap, and \(quoted(first.name)) ends at byte \(first.byteRange.upperBound)")
    }
  }
}
