// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@Suite("attention/append") struct KVAppendTests {
  /// The kinds of devices that have kernels of their own.
  enum Kind: String, CaseIterable, Sendable {
    case host, cpu, gpu

    func device() throws -> any ComputeDevice {
      switch self {
      case .host: HostDevice()
      case .cpu: try #require(try TestDevices.openCL(.cpu))
      case .gpu: try #require(try TestDevices.openCL(.gpu))
      }
    }
  }

  @Test("stores what a format makes of a number, and leaves the rest of a cache alone", arguments: Kind.allCases)
  func stores(kind: Kind) async throws {
    let device = try kind.device()
    for format in KVFormat.allCases {
      // With one key a result is its value.
      let problem = AttentionProblem(lengths: [(1, 1), (1, 1)], heads: (2, 2), sizes: (32, 64), format: format)
      let operands = problem.operands()
      let outcome = try await problem.run(on: device, operands)
      let expected = operands.values.flatMap { format.stored($0) }
      #expect(outcome.result == expected, "\(format)")
    }
  }

  @Test("turns queries in place, for every pairing and part of a head", arguments: Kind.allCases)
  func turnsQueries(kind: Kind) async throws {
    let device = try kind.device()
    let heads = try AttentionHeads(queryHeads: 3, kvHeads: 1, keySize: 10)
    let cache = try KVCache(on: device, heads: heads, format: .f32, blocks: 4, blockLength: 32)
    let plan = AttentionPlan(on: device, like: cache)
    // Row 1 has no sequence.
    try plan.update([
      KVSequence(queries: 0..<1, keyCount: 1, blocks: [2]), KVSequence(queries: 2..<5, keyCount: 40, blocks: [0, 3]),
    ])
    let positions = [0, nil, 37, 38, 39]
    var random = RandomNumbers(seed: 8)
    let (queries, keys, values) = (random.floats(5 * 30), random.floats(5 * 10), random.floats(5 * 10))
    for pairing in [Rotary.Pairing.halves, .interleaved] {
      for size in [0, 4, 10] {
        let rotary = try Rotary(size: size, base: 100, pairing: pairing)
        let q = try MatrixView(device.upload(queries), rows: 5, columns: 30)
        try device.append(
          KVAppend(
            plan, keys: MatrixView(device.upload(keys), rows: 5, columns: 10),
            values: MatrixView(device.upload(values), rows: 5, columns: 10), rotating: q,
            by: RotaryAngles(rotary, count: 40, on: device), into: cache))
        let turned = try await device.download(q.memory, as: Float.self)
        for row in 0..<5 {
          for head in 0..<3 {
            let start = row * 30 + head * 10
            let expected = positions[row].map { rotary.turned(Array(queries[start..<start + 10]), position: $0) }
            let found = Array(turned[start..<start + 10])
            #expect(found == expected ?? Array(queries[start..<start + 10]), "\(pairing) \(size) row \(row)")
          }
        }
      }
    }
  }

  @Test("turned keys and queries make scores that depend on the distance alone", arguments: Kind.allCases)
  func turnsKeys(kind: Kind) async throws {
    let device = try kind.device()
    let heads = try AttentionHeads(queryHeads: 1, kvHeads: 1, keySize: 16)
    var random = RandomNumbers(seed: 9)
    let (query, key) = (random.floats(16), random.floats(16))
    var logs: [Float] = []
    for shift in [0, 50] {
      let cache = try KVCache(on: device, heads: heads, format: .f32, blocks: 1, blockLength: 128)
      let plan = AttentionPlan(on: device, like: cache, span: .window(4))
      let angles = try RotaryAngles(Rotary(size: 16), count: 64, on: device)
      // The query sees its own key and the three before.
      let count = 4 + shift
      try plan.update([KVSequence(queries: 0..<count, keyCount: count, blocks: [0])])
      let keys = (0..<count).flatMap { _ in key }
      let q = try MatrixView(device.upload((0..<count).flatMap { _ in query }), rows: count, columns: 16)
      try device.append(
        KVAppend(
          plan, keys: MatrixView(device.upload(keys), rows: count, columns: 16),
          values: MatrixView(device.upload(keys), rows: count, columns: 16), rotating: q, by: angles, into: cache))
      let log = try MatrixView(device.allocate(byteCount: 4 * count), rows: count, columns: 1)
      try device.attend(
        Attention(
          plan, AttentionRule(.window(4)), queries: q, cache: cache,
          into: MatrixView(device.allocate(byteCount: 64 * count), rows: count, columns: 16), logSumExp: log))
      logs.append(try await device.download(log.memory, as: Float.self)[count - 1])
    }
    #expect(abs(logs[0] - logs[1]) < 1e-5)
    #expect(logs[0] != logs[1] || logs[0] > 0)
  }

  @Test("numbers that are not finite stay so in blocks", arguments: Kind.allCases)
  func specialValues(kind: Kind) async throws {
    let device = try kind.device()
    for value in [Float.nan, .infinity, -.infinity] {
      let problem = AttentionProblem(lengths: [(1, 1)], heads: (1, 1), sizes: (32, 64), format: .q8_0)
      var operands = problem.operands()
      operands.values[0][33] = value
      let outcome = try await problem.run(on: device, operands)
      #expect(outcome.result.prefix(32).allSatisfy { $0.isFinite })
      #expect(outcome.result.suffix(32).allSatisfy { !$0.isFinite })
    }
    // The largest f16 scale, and numbers too small for one.
    let problem = AttentionProblem(lengths: [(1, 1)], heads: (1, 1), sizes: (32, 32), format: .q8_0)
    for size in [Float(0x1p-100), 0x1p-140, 0, 0x1p22] {
      var operands = problem.operands()
      operands.values[0] = operands.values[0].map { $0 * size }
      let outcome = try await problem.run(on: device, operands)
      #expect(outcome.result == KVFormat.q8_0.stored(operands.values[0]), "\(size)")
    }
  }
}

extension Rotary {
  /// The definition: a head's numbers at a position.
  func turned(_ head: [Float], position: Int) -> [Float] {
    var result = head
    let (frequencies, magnitude) = (frequencies, magnitude)
    for pair in 0..<size / 2 {
      let (a, b) = pairing == .halves ? (pair, pair + size / 2) : (2 * pair, 2 * pair + 1)
      let angle = Double(position) * frequencies[pair]
      let (cosine, sine) = (Float(magnitude * cos(angle)), Float(magnitude * sin(angle)))
      result[a] = (-(head[b] * sine)).addingProduct(head[a], cosine)
      result[b] = (head[a] * sine).addingProduct(head[b], cosine)
    }
    return result
  }
}
