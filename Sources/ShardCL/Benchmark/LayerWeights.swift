// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The numbers of a layer in host memory, random but for the norms, which keep activations at the size that models have.
struct LayerWeights {
  let query, key, value, output, gate, up, down: HostMatrix
  let biases: [HostMatrix]
  private let shape: LayerShape

  init(_ workload: LayerWorkload, seed: UInt64) throws {
    let shape = workload.shape
    self.shape = shape
    func weight(_ rows: Int, _ columns: Int, _ name: String) throws -> HostMatrix {
      try .random(rows: rows, columns: columns, format: workload.format, seed: seed, name: name)
    }
    let (hidden, wide, feed) = (shape.hiddenSize, shape.queryHeads * shape.headSize, shape.feedForwardSize)
    let narrow = shape.kvHeads * shape.headSize
    query = try weight(wide, hidden, "query")
    key = try weight(narrow, hidden, "key")
    value = try weight(narrow, hidden, "value")
    output = try weight(hidden, wide, "output")
    gate = try weight(feed, hidden, "gate")
    up = try weight(feed, hidden, "up")
    down = try weight(hidden, feed, "down")
    biases =
      shape.hasBiases
      ? try zip([wide, narrow, narrow], ["query", "key", "value"]).map {
        try .random(rows: 1, columns: $0, format: .f32, seed: seed, name: $1 + "/bias")
      } : []
  }

  /// A norm after which products are of size 1.
  func norm() throws -> HostMatrix {
    let size = shape.hiddenSize
    return try HostMatrix([Float](repeating: (3 / Float(size)).squareRoot(), count: size), rows: 1, columns: size)
  }

  /// The norm of a head of queries or keys.
  func headNorm() throws -> HostMatrix {
    try HostMatrix([Float](repeating: 1, count: shape.headSize), rows: 1, columns: shape.headSize)
  }
}
