// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute
import TestSupport

/// One call of each collective over small operands, whose inputs must never change.
struct CollectiveCall: Sendable {
  let communicator: Communicator
  let inputs: [Reduction.Operand]
  let outputs: [Reduction.Operand]
  /// Elements of each rank's piece.
  static let piece = 6

  private var ranks: Int { communicator.rankCount }
  private var cut: Cut { Cut(counts: Array(repeating: Self.piece, count: ranks)) }

  init(_ communicator: Communicator) throws {
    self.communicator = communicator
    let count = Self.piece * communicator.rankCount
    inputs = try communicator.devices.map { Reduction.Operand(try $0.upload(Self.values(count))) }
    outputs = try communicator.devices.map { Reduction.Operand(try $0.allocate(byteCount: 4 * count)) }
  }

  static func values(_ count: Int) -> [Float] { (0..<count).map { Float($0) } }

  /// The same operands with another communicator over the same devices.
  init(_ call: CollectiveCall, on communicator: Communicator) {
    self.communicator = communicator
    (inputs, outputs) = (call.inputs, call.outputs)
  }

  func run(_ operation: CollectiveOperation, root: Int = 0) async throws {
    switch operation {
    case .allReduce: try await communicator.allReduce(inputs, into: outputs, count: Self.piece)
    case .reduce: try await communicator.reduce(inputs, into: outputs[root], at: root, count: Self.piece)
    case .reduceScatter: try await communicator.reduceScatter(inputs, into: outputs, cut: cut)
    case .allGather: try await communicator.allGather(inputs, into: outputs, cut: cut)
    case .gather: try await communicator.gather(inputs, into: outputs[root], at: root, cut: cut)
    case .scatter: try await communicator.scatter(inputs[root], from: root, into: outputs, cut: cut)
    case .broadcast: try await communicator.broadcast(inputs[root], from: root, into: outputs, count: Self.piece)
    case .allToAll:
      try await communicator.allToAll(
        inputs, into: outputs, counts: (0..<ranks).map { _ in Array(repeating: Self.piece, count: ranks) })
    case .barrier: try await communicator.barrier()
    }
  }

  /// Elements of each rank's operand, as the recorder has them.
  func counts(_ operation: CollectiveOperation) -> [Int] {
    switch operation {
    case .barrier: []
    case .allToAll: Array(repeating: Self.piece * ranks, count: ranks)
    default: Array(repeating: Self.piece, count: ranks)
    }
  }

  /// Whether every rank's input is what it was.
  func inputsAreIntact(except stuck: Int? = nil) async throws -> Bool {
    for (rank, input) in inputs.enumerated() where rank != stuck {
      let found: [Float] = try await communicator.devices[rank].download(input.memory)
      if found != Self.values(found.count) { return false }
    }
    return true
  }
}
