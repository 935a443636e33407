// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A layer to measure: equal sequences, whose tokens are their last keys.
public struct LayerWorkload: Hashable, Sendable {
  /// The layer.
  public let shape: LayerShape
  /// Its attention.
  public let attention: AttentionWorkload
  /// How weights are stored on the devices.
  public let format: WeightFormat

  /// - Parameters:
  ///   - tokens: of each sequence: 1 is decode, more are prefill.
  ///   - keys: of each sequence, with those of the tokens.
  /// - Throws: `ComputeError.mismatch` for fewer keys than tokens, or sizes that are not possible.
  public init(
    _ shape: LayerShape, sequences: Int = 1, tokens: Int, keys: Int, format: WeightFormat = .f32,
    kvFormat: KVFormat = .f16
  ) throws {
    let columns = [shape.hiddenSize, shape.queryHeads * shape.headSize, shape.feedForwardSize]
    guard columns.allSatisfy({ $0 > 0 && $0.isMultiple(of: format.blockLength) }) else {
      throw ComputeError.mismatch(
        "\(shape.name) has sums of \(columns) terms; \(format.rawValue) stores blocks of \(format.blockLength)")
    }
    self.shape = shape
    self.format = format
    attention = try AttentionWorkload(
      heads: shape.heads, sequences: sequences, queries: tokens, keys: keys, rule: shape.rule, format: kvFormat)
  }

  /// Rows of the activations.
  public var rows: Int { attention.sequences * attention.queries }
  /// Floating-point operations of products and attention.
  public var flops: Double { 2 * Double(rows) * Double(shape.parameterCount) + attention.flops }
  /// Bytes of all weights, as they are stored.
  public var weightByteCount: Double {
    Double(shape.parameterCount) / Double(format.blockLength) * Double(format.blockByteCount)
  }
}
