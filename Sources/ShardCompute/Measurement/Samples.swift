// SPDX-License-Identifier: Apache-2.0

/// Times of one thing, in seconds.
package struct Samples: Sendable {
  package private(set) var values: [Double] = []

  package init() {}

  package mutating func append(_ seconds: Double) { values.append(seconds) }

  /// The value in the middle; 0 of nothing.
  package var median: Double {
    let sorted = values.sorted()
    guard let upper = sorted.dropFirst(sorted.count / 2).first else { return 0 }
    return sorted.count % 2 == 1 ? upper : (sorted[sorted.count / 2 - 1] + upper) / 2
  }

  package var minimum: Double { values.min() ?? 0 }

  /// The smallest value that `percent` of 100 values do not exceed; 0 of nothing.
  package func percentile(_ percent: Int) -> Double {
    let position = (values.count * min(max(percent, 0), 100) + 99) / 100
    return values.sorted().dropFirst(max(position - 1, 0)).first ?? 0
  }
}
