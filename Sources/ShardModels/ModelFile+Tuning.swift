// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute

extension ModelFile {
  /// The products of each distinct linear layer as `ranks` equal ranks would compute them.
  ///
  /// - Parameters:
  ///   - rows: rows of activations; logits are wanted for one row only.
  ///   - format: how weights are stored on the devices; by default as in the file.
  /// - Throws: `ModelFileError` where the file is not of a family whose layers are known.
  package func tuningShapes(rows: [Int], format: WeightFormat? = nil, ranks: Int = 1) throws -> [TuningShape] {
    try linearLayers().distinct.flatMap { layer in
      let weight = try WeightMatrix(try tensor(layer.name), as: format)
      let block = weight.format.blockLength
      let (n, k) =
        switch layer.parallelism {
        case .column: ((weight.rows + ranks - 1) / ranks, weight.columns)
        case .row: (weight.rows, ((weight.columns / block + ranks - 1) / ranks) * block)
        }
      return (layer.role == .logits ? [1] : rows).map { TuningShape(m: $0, n: n, k: k, format: weight.format) }
    }
  }
}
