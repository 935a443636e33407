// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

extension ModelFile {
  /// The products of each distinct linear layer, to be made one by one, since weights are large.
  ///
  /// - Parameters:
  ///   - rows: rows of activations; by default 512 (a prompt) and 1 (a step of decode), for the logits 1, as a prompt
  ///     needs those of its last token only.
  ///   - format: how weights are stored on the devices; by default as in the file.
  /// - Throws: `ModelFileError` where the file is not of a family whose layers are known.
  public func matmulProblems(
    rows: [Int]? = nil, format: WeightFormat? = nil
  ) throws -> [() throws -> MatmulProblem] {
    var problems: [() throws -> MatmulProblem] = []
    for layer in try linearLayers().distinct {
      let weight = try WeightMatrix(try tensor(layer.name), as: format)
      for m in rows ?? (layer.role == .logits ? [1] : [512, 1]) {
        problems.append {
          MatmulProblem(
            m: m, weight: weight, weightFormat: layer.type.rawValue,
            layout: layer.parallelism == .column ? .column : .row, unit: layer.unit, layer: layer.name)
        }
      }
    }
    return problems
  }
}
