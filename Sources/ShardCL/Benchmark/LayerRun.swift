// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// One layer of a decoder on a mesh, tensor-parallel, with all its memory, ready to run again and again.
///
/// It begins as one among others: with the sum of the layer before, which its first norm adds to the activations, and ends
/// with the sum that the next layer's norm adds. So each run goes on from what the last one left.
struct LayerRun {
  /// What the time of a layer goes to.
  enum Part: String, CaseIterable {
    /// Products with a weight, their biases and gates.
    case products
    /// Storing keys and values, rotary embedding, and attention.
    case attention
    /// Norms and the addition of residuals.
    case others
    /// All-reduces.
    case collectives
  }

  private let workload: LayerWorkload
  private let mesh: DeviceMesh
  private let query, key, value, gateUp: ColumnParallelLinear
  private let output, down: RowParallelLinear
  private let norms: LayerNorms
  private let attention: ParallelAttention
  private let cache: ShardedKVCache
  private let plan: ShardedAttentionPlan
  private let tensors: LayerTensors
  private let seed: UInt64

  /// Each rank's part of the weights, and a cache that is full but for the keys of the tokens.
  init(_ workload: LayerWorkload, _ weights: LayerWeights, on mesh: DeviceMesh, seed: UInt64) async throws {
    self.workload = workload
    self.mesh = mesh
    self.seed = seed
    let (shape, work) = (workload.shape, workload.attention)
    let heads = try AttentionPartition(work.heads, ranks: mesh.count, blockLength: workload.format.blockLength)
    func column(_ weight: some MatrixSource, _ bias: (any MatrixSource)?, _ cut: Partition) throws
      -> ColumnParallelLinear
    {
      try ColumnParallelLinear(weight: weight, bias: bias, on: mesh, partition: cut)
    }
    let biases = weights.biases.isEmpty ? nil : weights.biases
    query = try column(weights.query, biases?[0], heads.queries)
    key = try column(heads.keyRows(weights.key), biases.map { try heads.keyColumns($0[1]) }, heads.keys)
    value = try column(heads.valueRows(weights.value), biases.map { try heads.valueColumns($0[2]) }, heads.values)
    output = try RowParallelLinear(
      weight: weights.output, on: mesh, unit: heads.outputUnit, partition: heads.results)
    down = try RowParallelLinear(weight: weights.down, on: mesh)
    gateUp = try ColumnParallelLinear(
      weight: InterleavedRows(gate: weights.gate, up: weights.up), activation: shape.activation, isGated: true,
      on: mesh, partition: down.weight.partition)
    norms = try LayerNorms(shape, weights, on: mesh)
    cache = try ShardedKVCache(
      on: mesh, partition: heads, format: work.format, blocks: work.sequences * work.blocksOfSequence,
      blockLength: AttentionWorkload.blockLength)
    attention = try ParallelAttention(
      work.rule, like: cache, rotary: Rotary(size: shape.headSize, base: shape.rotaryBase), positions: work.keys)
    plan = ShardedAttentionPlan(like: cache, span: work.rule.span)
    tensors = try LayerTensors(workload, heads, mesh, feedForward: gateUp.partition, output: output, down: down)
    try await fillCache()
    try plan.update(work.sequences(rows: work.queries))
    try reset()
  }

  /// Puts the activations back to what they were at first.
  func reset() throws {
    let (rows, hidden) = (workload.rows, workload.shape.hiddenSize)
    for (tensor, name) in [(tensors.x, "x"), (tensors.sum, "sum")] {
      try tensor.write(HostMatrix.random(rows: rows, columns: hidden, format: .f32, seed: seed, name: name))
    }
  }

  /// Enqueues the layer, or only one part of it, which works on what the last whole run left.
  func run(_ only: Part? = nil) async throws {
    func step(_ part: Part, _ body: () async throws -> Void) async throws {
      if only == nil || only == part { try await body() }
    }
    let t = tensors
    try await step(.others) { try await norms.attention(t.x, adding: t.sum, into: t.normed) }
    try await step(.products) {
      try await query(t.normed, into: t.queries)
      try await key(t.normed, into: t.keys)
      try await value(t.normed, into: t.values)
    }
    try await step(.others) {
      try await norms.queries?(t.queries, into: t.queries)
      try await norms.keys?(t.keys, into: t.keys)
    }
    try await step(.attention) {
      try await attention.append(keys: t.keys, values: t.values, rotating: t.queries, to: cache, plan)
      try await attention(t.queries, cache, plan, into: t.attended)
    }
    try await step(.products) {
      try await output.multiply(t.attended, residual: nil, addends: t.outputAddends, into: t.sum)
    }
    try await step(.collectives) { try await output.sum(t.outputAddends, residual: nil, into: t.sum) }
    try await step(.others) {
      try await norms.attentionResult?(t.sum, into: t.sum)
      try await norms.feedForward(t.x, adding: t.sum, into: t.normed)
    }
    try await step(.products) {
      try await gateUp(t.normed, into: t.gated)
      try await down.multiply(t.gated, residual: nil, addends: t.downAddends, into: t.sum)
    }
    try await step(.collectives) { try await down.sum(t.downAddends, residual: nil, into: t.sum) }
    try await step(.others) { try await norms.feedForwardResult?(t.sum, into: t.sum) }
  }

  /// Enqueues part of a layer and waits for it.
  ///
  /// - Returns: seconds until a rank was done, the mean over all.
  func seconds(of part: Part? = nil) async throws -> Double {
    let start = ContinuousClock.now
    try await run(part)
    return try await withThrowingTaskGroup(of: Double.self) { group in
      for rank in mesh.ranks {
        group.addTask {
          try await rank.device.finish()
          return start.duration(to: .now).seconds
        }
      }
      return try await group.reduce(0, +) / Double(mesh.count)
    }
  }

  /// The activations and the sum after one run from the first ones.
  func result() async throws -> [Float] {
    try reset()
    try await run()
    return try await tensors.x.download() + tensors.sum.download()
  }

  /// Stores random keys and values, one sequence after the other.
  private func fillCache() async throws {
    let work = workload.attention
    let heads = work.heads
    let partition = cache.partition
    let filling = ShardedAttentionPlan(like: cache, span: work.rule.span)
    for (index, sequence) in work.sequences(rows: 0).enumerated() {
      try filling.update([KVSequence(queries: 0..<work.keys, keyCount: work.keys, blocks: sequence.blocks)])
      func tensor(_ size: Int, _ name: String, _ cut: Partition?) throws -> ShardedTensor {
        let numbers = SeededNumbers(seed: seed, name: "\(name)/\(index)").floats(work.keys * heads.kvHeads * size)
        let all = try HostMatrix(numbers, rows: work.keys, columns: heads.kvHeads * size)
        let columns = try RepeatedColumns(all, parts: partition?.kvHeads ?? [0..<heads.kvHeads], of: size)
        return try ShardedTensor(columns, on: mesh, placement: .shard(1), partition: cut)
      }
      try await attention.append(
        keys: tensor(heads.keySize, "keys", partition?.keys),
        values: tensor(heads.valueSize, "values", partition?.values),
        to: cache, filling)
      try await mesh.finish()
    }
  }
}
