// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

/// Bad input is refused before anything runs, with the values.
@Suite("attention refuses") struct AttentionErrorTests {
  private let device = HostDevice()

  private func expectMismatch(_ parts: String..., body: () throws -> Void) {
    let error = #expect(throws: ComputeError.self) { try body() }
    for part in parts { #expect(error?.description.contains(part) == true, "\(error?.description ?? "") has \(part)") }
  }

  @Test("heads that do not group") func heads() {
    expectMismatch("8 query heads over 3 KV heads") { _ = try AttentionHeads(queryHeads: 8, kvHeads: 3, keySize: 64) }
    expectMismatch("2 query heads over 4") { _ = try AttentionHeads(queryHeads: 2, kvHeads: 4, keySize: 64) }
    expectMismatch("4 query heads over 0") { _ = try AttentionHeads(queryHeads: 4, kvHeads: 0, keySize: 64) }
    expectMismatch("-1 query") { _ = try AttentionHeads(queryHeads: -1, kvHeads: 1, keySize: 64) }
    for size in [0, -8, 1025, .max] {
      expectMismatch("\(size) numbers") { _ = try AttentionHeads(queryHeads: 4, kvHeads: 2, keySize: size) }
      expectMismatch("\(size) for values") {
        _ = try AttentionHeads(queryHeads: 4, kvHeads: 2, keySize: 8, valueSize: size)
      }
    }
  }

  @Test("windows, scales and soft-caps that are none") func rules() {
    for window in [0, -1, Int.max] { expectMismatch("\(window) keys") { _ = try AttentionRule(.window(window)) } }
    for cap in [0, -50, Float.nan, .infinity] {
      expectMismatch("soft-cap of \(cap)") { _ = try AttentionRule(softcap: cap) }
    }
    expectMismatch("scale of nan") { _ = try AttentionRule(scale: .nan) }
  }

  @Test("caches that cannot be") func caches() throws {
    let heads = try AttentionHeads(queryHeads: 4, kvHeads: 2, keySize: 40)
    for length in [0, 16, 33, 96, 320, -32] {
      expectMismatch("\(length)") { _ = try KVCache(on: device, heads: heads, blocks: 1, blockLength: length) }
    }
    expectMismatch("-1 blocks") { _ = try KVCache(on: device, heads: heads, blocks: -1) }
    expectMismatch("31 bits") { _ = try KVCache(on: device, heads: heads, blocks: 1 << 25) }
    expectMismatch("40 and 40", "q8_0") { _ = try KVCache(on: device, heads: heads, format: .q8_0, blocks: 1) }
    #expect(throws: ComputeError.self) { try KVCache(on: device, heads: heads, blocks: 1 << 23) }
  }

  @Test("sequences without room, with blocks out of the table, or with each other's rows") func sequences() throws {
    let heads = try AttentionHeads(queryHeads: 4, kvHeads: 2, keySize: 8)
    let cache = try KVCache(on: device, heads: heads, blocks: 3, blockLength: 64)
    let plan = AttentionPlan(on: device, like: cache)
    func update(_ sequences: KVSequence...) throws { try plan.update(sequences) }
    expectMismatch("65 keys in 1 blocks of 64") { try update(KVSequence(queries: 0..<1, keyCount: 65, blocks: [0])) }
    expectMismatch("block 3 of a cache with 3") {
      try update(KVSequence(queries: 0..<1, keyCount: 65, blocks: [0, 3]))
    }
    expectMismatch("block -1") { try update(KVSequence(queries: 0..<1, keyCount: 1, blocks: [-1])) }
    expectMismatch("sequence 0", "-1 keys") { try update(KVSequence(queries: 0..<1, keyCount: -1, blocks: [])) }
    expectMismatch("rows 0..<2 and 1..<3") {
      try update(
        KVSequence(queries: 1..<3, keyCount: 1, blocks: [0]), KVSequence(queries: 0..<2, keyCount: 1, blocks: [1]))
    }
    expectMismatch("keys 0..<5 of 9") {
      try update(KVSequence(queries: 0..<1, keyCount: 9, blocks: [0], localKeys: 0..<5))
    }
    for range in [-1..<1, Int.max - 1..<Int.max] {
      #expect(throws: ComputeError.self) { try update(KVSequence(queries: range, keyCount: 1, blocks: [0])) }
    }
    #expect(throws: ComputeError.self) { try update(KVSequence(queries: 0..<1, keyCount: .max, blocks: [0])) }
    // What was refused changed nothing.
    try update(KVSequence(queries: 0..<1, keyCount: 64, blocks: [2]))
    #expect(throws: ComputeError.self) { try update(KVSequence(queries: 0..<1, keyCount: 65, blocks: [2])) }
    #expect(plan.rows == 1)
  }

  @Test("operands of other shapes, and plans that ask for more") func operands() throws {
    let heads = try AttentionHeads(queryHeads: 4, kvHeads: 2, keySize: 8)
    let cache = try KVCache(on: device, heads: heads, blocks: 3, blockLength: 64)
    let plan = AttentionPlan(on: device, like: cache)
    func matrix(_ rows: Int, _ columns: Int) throws -> MatrixView {
      try MatrixView(device.allocate(byteCount: 4 * rows * columns), rows: rows, columns: columns)
    }
    func attention(_ queries: Int = 32, _ result: Int = 32, _ rule: AttentionRule? = nil) throws -> Attention {
      try Attention(
        plan, rule ?? AttentionRule(), queries: matrix(2, queries), cache: cache, into: matrix(2, result))
    }
    expectMismatch("2 × 31") { _ = try attention(31) }
    expectMismatch("result of 2 × 33") { _ = try attention(32, 33) }
    expectMismatch("all") { _ = try attention(32, 32, AttentionRule(.all)) }
    expectMismatch("without sequences") { try device.attend(attention()) }
    try plan.update([KVSequence(queries: 0..<3, keyCount: 3, blocks: [0])])
    expectMismatch("3 rows") { try device.attend(attention()) }
    expectMismatch("slopes of 1 × 3") {
      _ = try Attention(
        plan, AttentionRule(), queries: matrix(3, 32), cache: cache, slopes: matrix(1, 3), into: matrix(3, 32))
    }
    let angles = try RotaryAngles(Rotary(size: 8), count: 2, on: device)
    expectMismatch("position 2", "2 positions") {
      try device.append(KVAppend(plan, keys: matrix(3, 16), values: matrix(3, 16), by: angles, into: cache))
    }
    expectMismatch("keys of 3 × 15") { _ = try KVAppend(plan, keys: matrix(3, 15), values: matrix(3, 16), into: cache) }
    expectMismatch("values of 2 × 16") {
      _ = try KVAppend(plan, keys: matrix(3, 16), values: matrix(2, 16), into: cache)
    }
    try plan.update([KVSequence(queries: 0..<3, keyCount: 2, blocks: [0])])
    expectMismatch("more queries than keys") {
      try device.append(KVAppend(plan, keys: matrix(3, 16), values: matrix(3, 16), into: cache))
    }
  }

  @Test("rotary embeddings that turn nothing sensible") func rotary() {
    for size in [-2, 3, 2048] { expectMismatch("\(size)") { _ = try Rotary(size: size) } }
    for base in [0, -1, Double.nan, .infinity] {
      expectMismatch("base \(base)") { _ = try Rotary(size: 8, base: base) }
    }
    expectMismatch("linear") { _ = try Rotary(size: 8, scaling: .linear(0)) }
    expectMismatch("3 rotary divisors for 4") { _ = try Rotary(size: 8, scaling: .divisors([1, 1, 1])) }
    expectMismatch("low frequencies") {
      _ = try Rotary(
        size: 8, scaling: .llama3(factor: 8, lowFrequency: 4, highFrequency: 1, trainedLength: 8192))
    }
    #expect(throws: ComputeError.self) {
      try RotaryAngles(Rotary(size: 8), count: -1, on: HostDevice())
    }
  }
}
