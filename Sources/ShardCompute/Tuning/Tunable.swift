// SPDX-License-Identifier: Apache-2.0

/// One thing that may be changed about a kernel's parameters, and the values worth a try.
struct Tunable<Parameters: Hashable> {
  /// The parameters with each value in turn; those that were given are among them.
  let variants: (Parameters) -> [Parameters]

  /// Changes that each value stands for.
  init<Value>(_ values: [Value], _ change: @escaping (inout Parameters, Value) -> Void) {
    variants = { parameters in
      values.reduce(into: [parameters]) { variants, value in
        var variant = parameters
        change(&variant, value)
        if !variants.contains(variant) { variants.append(variant) }
      }
    }
  }

  /// Values of one parameter.
  init(_ path: WritableKeyPath<Parameters, Int>, _ values: [Int]) {
    self.init(values) { $0[keyPath: path] = $1 }
  }
}

/// Sizes about a factor of two and four either side of `size`.
func around(_ size: Int) -> [Int] { [size / 4, size / 2, size, 2 * size, 4 * size].filter { $0 > 0 } }
