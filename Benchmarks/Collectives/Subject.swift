// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCL
import ShardCollectives
import ShardCompute

/// ShardCL's all-reduce of a size, out of place, with all its memory.
struct Subject {
  private let mesh: DeviceMesh
  private let count: Int
  private let inputs, outputs: [Reduction.Operand]

  init(_ work: Work, on mesh: DeviceMesh) throws {
    self.mesh = mesh
    count = work.count
    inputs = try mesh.ranks.map { [count] rank in
      Reduction.Operand(try rank.device.upload((0..<count).map { Self.number($0, rank.index) }))
    }
    outputs = try mesh.ranks.map { rank in
      let memory = try rank.device.allocate(byteCount: work.byteCount)
      try rank.device.fill(memory, at: 0, byteCount: work.byteCount, with: .max)
      return Reduction.Operand(memory)
    }
  }

  /// Small integers: sums are exact in any order.
  private static func number(_ index: Int, _ rank: Int) -> Float { Float((index * 7 + rank * 3) % 11 - 5) }

  /// Enqueues so many back to back, and waits once.
  func chain(_ length: Int) async throws {
    for _ in 0..<length { try await reduce() }
    try await mesh.finish()
  }

  /// Waits for each.
  func alone(_ times: Int) async throws {
    for _ in 0..<times { try await chain(1) }
  }

  /// Copies every rank's input to its output, on all ranks at the same time: each input is read once and each output
  /// written once, which is what an all-reduce has to do at least.
  func copy(_ times: Int) async throws {
    for _ in 0..<times {
      for (rank, pair) in zip(mesh.ranks, zip(inputs, outputs)) {
        _ = try rank.device.enqueueCopyLoop(pair.0.memory, to: pair.1.memory)
        try rank.device.flush()
      }
    }
    try await mesh.finish()
  }

  /// Adds, and counts the elements on all ranks that are not exact.
  func wrongElements() async throws -> Int {
    try await chain(2)
    var wrong = 0
    for (rank, output) in zip(mesh.ranks, outputs) {
      let found: [Float] = try await rank.device.download(output.memory)
      for index in 0..<count {
        let sum = mesh.ranks.reduce(Float(0)) { $0 + Self.number(index, $1.index) }
        if found[index].bitPattern != sum.bitPattern { wrong += 1 }
      }
    }
    return wrong
  }

  private func reduce() async throws {
    try await mesh.communicator.allReduce(inputs, into: outputs, count: count)
  }
}
