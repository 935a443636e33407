// SPDX-License-Identifier: Apache-2.0

/// How one logical tensor is spread over the ranks of a mesh; the terms are those of PyTorch's DTensor.
public enum Placement: Hashable, Sendable {
  /// Every rank holds the whole tensor.
  case replicate
  /// Every rank holds its part along an axis: 0 for rows, 1 for columns.
  case shard(Int)
  /// Every rank holds an addend of full size; the tensor is their sum.
  case partial
}

extension Placement: CustomStringConvertible {
  /// As it is written in code, such as `.shard(0)`.
  public var description: String {
    switch self {
    case .replicate: ".replicate"
    case .shard(let axis): ".shard(\(axis))"
    case .partial: ".partial"
    }
  }
}
