// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A linear layer of a transformer and how tensor parallelism shards it.
///
/// The weight is out × in: `rows` outputs, `columns` inputs. The layers of one attention or feed-forward part follow
/// each other as *column-parallel*, then *row-parallel* (Shoeybi et al. 2019, https://arxiv.org/abs/1909.08053), so that
/// a part costs one all-reduce.
public struct LinearLayer: Hashable, Sendable {
  /// What a layer is for.
  public enum Role: String, Hashable, Sendable, CaseIterable {
    /// What a token looks for: heads × head size outputs.
    case query
    /// What a token is found by: key and value heads × head size outputs.
    case key
    /// What a token gives: key and value heads × head size outputs.
    case value
    /// From the heads back to the hidden size.
    case attentionOutput = "attention_output"
    /// From the hidden to the inner size; weighs `up`.
    case gate
    /// From the hidden to the inner size.
    case up
    /// From the inner back to the hidden size.
    case down
    /// The matrix that turns the last hidden state into scores of the vocabulary; often the embedding itself.
    case logits

    /// Along which dimension tensor parallelism cuts the weight.
    public var parallelism: Parallelism {
      switch self {
      case .query, .key, .value, .gate, .up, .logits: .column
      case .attentionOutput, .down: .row
      }
    }
  }

  /// Along which dimension a weight is cut.
  public enum Parallelism: String, Hashable, Sendable, CaseIterable {
    /// Every rank has some of the outputs: rows of the weight.
    case column
    /// Every rank has some of the inputs: columns of the weight.
    case row
  }

  /// The name of the weight in the file.
  public let name: String
  /// What the layer is for.
  public let role: Role
  /// How the weight is stored.
  public let type: TensorType
  /// The number of outputs.
  public let rows: Int
  /// The number of inputs.
  public let columns: Int
  /// Cuts must be at multiples of this many rows (column-parallel) or columns (row-parallel): a head of attention stays
  /// whole, and so does a quantisation block.
  public let unit: Int

  /// Along which dimension tensor parallelism cuts the weight.
  public var parallelism: Parallelism { role.parallelism }

  /// Makes the layer of `role` that `weight` is, in a model of that shape.
  init(_ role: Role, weight: WeightTensor, shape: ModelShape) {
    name = weight.name
    self.role = role
    type = weight.type
    rows = weight.rows
    columns = weight.columns
    let block = role.parallelism == .row ? weight.type.elementsPerBlock : 1
    unit = leastCommonMultiple(shape.headSize(role) ?? 1, block)
  }
}

extension Sequence<LinearLayer> {
  /// The first layer of each combination of role, shape and type: what a benchmark has to run.
  public var distinct: [LinearLayer] {
    var seen: Set<Kind> = []
    return filter { seen.insert(Kind(role: $0.role, rows: $0.rows, columns: $0.columns, type: $0.type)).inserted }
  }
}

/// What layers have in common that cost the same.
private struct Kind: Hashable {
  let role: LinearLayer.Role
  let rows: Int
  let columns: Int
  let type: TensorType
}
