// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Vectors joined by the definition: the tree, f32, one rounding at the end; and the same without rounding.
struct Joined {
  /// As it must be stored, bit for bit.
  let stored: [Float]
  /// In f64.
  let exact: [Double]
  /// Sums of magnitudes.
  let magnitudes: [Double]

  /// Joins one vector or more, all of one length.
  init(_ addends: [[Float]], _ operation: Reduction.Operation, _ elementType: ElementType) {
    let tree = ReductionTree(count: addends.count)
    stored = rounded(tree.map { Self.join($0, addends, operation) } ?? [], elementType)
    var (exact, magnitudes) = (addends.first?.map(Double.init) ?? [], addends.first?.map { Double(abs($0)) } ?? [])
    for addend in addends.dropFirst() {
      for (index, value) in addend.enumerated() {
        magnitudes[index] += Double(abs(value))
        switch operation {
        case .sum: exact[index] += Double(value)
        case .max: exact[index] = max(exact[index], Double(value))
        case .min: exact[index] = min(exact[index], Double(value))
        }
      }
    }
    self.exact = exact
    self.magnitudes = magnitudes
  }

  private static func join(
    _ tree: ReductionTree, _ addends: [[Float]], _ operation: Reduction.Operation
  ) -> [Float] {
    switch tree {
    case .addend(let position): return addends[position]
    case .join(let left, let right):
      let pairs = zip(join(left, addends, operation), join(right, addends, operation))
      switch operation {
      case .sum: return pairs.map { $0 + $1 }
      case .max: return pairs.map { $0 > $1 || ($0 == $1 && $0.sign == .plus) ? $0 : $1 }
      case .min: return pairs.map { $0 < $1 || ($0 == $1 && $0.sign == .minus) ? $0 : $1 }
      }
    }
  }
}

/// The nearest values that `elementType` has.
func rounded(_ values: [Float], _ elementType: ElementType) -> [Float] {
  elementType == .f32 ? values : HostMemory(values, as: elementType).floats(0..<values.count, elementType)
}
