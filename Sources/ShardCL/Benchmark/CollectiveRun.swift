// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

/// One collective on a mesh with all its memory, ready to run again and again.
struct CollectiveRun {
  private let operation: CollectiveOperation
  private let elementType: ElementType
  /// Elements of an operand, or of one rank's piece.
  private let count: Int
  private let mesh: DeviceMesh
  private let isInPlace: Bool
  private let pattern: CollectivePattern
  private let inputs, outputs: [Reduction.Operand]
  private static let root = 0

  /// Collectives that run one after the other before what they left is checked: each may overwrite what the one before
  /// still reads.
  private static let checkedChain = 4

  init(
    _ workload: CollectiveWorkload, on mesh: DeviceMesh, isInPlace: Bool, pattern: CollectivePattern
  ) async throws {
    operation = workload.operation
    elementType = workload.elementType
    count = try workload.count(ranks: mesh.count)
    self.mesh = mesh
    self.isInPlace = isInPlace
    self.pattern = pattern
    let shape = Shape(operation: operation, count: count, ranks: mesh.count)
    let size = elementType.byteCount
    func operands(_ count: (_ rank: Int) -> Int) throws -> [Reduction.Operand] {
      // Fills are of whole words.
      try mesh.ranks.map { Reduction.Operand(try $0.device.allocate(byteCount: (count($0.index) * size + 3) & ~3)) }
    }
    if isInPlace {
      let wholes = try operands { max(shape.inputCount($0), shape.outputCount($0)) }
      inputs = wholes.enumerated().map { .init($1.memory, offset: shape.inputOffset($0)) }
      outputs = wholes.enumerated().map { .init($1.memory, offset: shape.outputOffset($0)) }
    } else {
      inputs = try operands(shape.inputCount)
      outputs = try operands(shape.outputCount)
    }
    try await reset()
  }

  /// Enqueues it once.
  func run() async throws {
    let communicator = mesh.communicator
    let root = Self.root
    let cut = Cut(counts: [Int](repeating: count, count: mesh.count))
    switch operation {
    case .allReduce:
      try await communicator.allReduce(inputs, into: outputs, count: count, elementType: elementType)
    case .reduce:
      try await communicator.reduce(inputs, into: outputs[root], at: root, count: count, elementType: elementType)
    case .reduceScatter:
      try await communicator.reduceScatter(inputs, into: outputs, cut: cut, elementType: elementType)
    case .allGather: try await communicator.allGather(inputs, into: outputs, cut: cut, elementType: elementType)
    case .gather:
      try await communicator.gather(inputs, into: outputs[root], at: root, cut: cut, elementType: elementType)
    case .scatter:
      try await communicator.scatter(inputs[root], from: root, into: outputs, cut: cut, elementType: elementType)
    case .broadcast:
      try await communicator.broadcast(
        inputs[root], from: root, into: outputs, count: count, elementType: elementType)
    case .allToAll:
      let counts = [[Int]](repeating: cut.counts, count: mesh.count)
      try await communicator.allToAll(inputs, into: outputs, counts: counts, elementType: elementType)
    }
  }

  /// Seconds of each of `length` collectives, enqueued back to back and waited for once.
  func seconds(chain length: Int = 1) async throws -> Double {
    try await PairedTiming.seconds {
      for _ in 0..<length { try await run() }
      try await mesh.finish()
    } / Double(length)
  }

  /// Runs from the first numbers, and counts the elements on all ranks that are not what they must be.
  func wrongElements() async throws -> Int {
    try await reset()
    // In place the next one would add to the sum.
    for _ in 0..<(isInPlace ? 1 : Self.checkedChain) { try await run() }
    try await mesh.finish()
    let size = elementType.byteCount
    var wrong = 0
    for rank in mesh.ranks {
      let segments = shape.expected(rank.index)
      let found = HostMemory(byteCount: segments.reduce(0) { $0 + $1.count } * size)
      let output = outputs[rank.index]
      try rank.device.read(
        output.memory, at: output.offset * size, byteCount: found.byteCount, into: found, at: 0)
      try await rank.device.finish()
      wrong += pattern.differences(in: found, from: segments)
    }
    return wrong
  }

  private var shape: Shape { Shape(operation: operation, count: count, ranks: mesh.count) }

  /// Gives every rank its numbers, and outputs what no result is.
  private func reset() async throws {
    let size = elementType.byteCount
    for rank in mesh.ranks {
      let (input, output) = (inputs[rank.index], outputs[rank.index])
      try rank.device.fill(output.memory, at: 0, byteCount: output.memory.byteCount, with: .max)
      let count = shape.inputCount(rank.index)
      let numbers = HostMemory(byteCount: count * size)
      pattern.write(.init(rank: rank.index, start: 0, count: count), to: numbers)
      try rank.device.write(
        numbers, at: 0, byteCount: numbers.byteCount, to: input.memory, at: input.offset * size)
      try await rank.device.finish()
    }
  }

  /// How many elements each rank gives and gets.
  private struct Shape {
    let operation: CollectiveOperation
    let count, ranks: Int

    func inputCount(_ rank: Int) -> Int {
      switch operation {
      case .allReduce, .reduce, .allGather, .gather: count
      case .reduceScatter, .allToAll: count * ranks
      case .scatter: rank == CollectiveRun.root ? count * ranks : 0
      case .broadcast: rank == CollectiveRun.root ? count : 0
      }
    }

    func outputCount(_ rank: Int) -> Int { expected(rank).reduce(0) { $0 + $1.count } }

    /// In place, where a rank's input begins in its memory.
    func inputOffset(_ rank: Int) -> Int {
      operation == .allGather || operation == .gather && rank == CollectiveRun.root ? rank * count : 0
    }

    /// In place, where a rank's output begins in its memory.
    func outputOffset(_ rank: Int) -> Int {
      operation == .reduceScatter || operation == .scatter && rank == CollectiveRun.root ? rank * count : 0
    }

    /// What a rank must get.
    func expected(_ rank: Int) -> [CollectivePattern.Segment] {
      switch operation {
      case .reduce where rank != CollectiveRun.root, .gather where rank != CollectiveRun.root: []
      case .allReduce, .reduce: [.init(rank: nil, start: 0, count: count)]
      case .reduceScatter: [.init(rank: nil, start: rank * count, count: count)]
      case .allGather, .gather: (0..<ranks).map { .init(rank: $0, start: 0, count: count) }
      case .scatter: [.init(rank: CollectiveRun.root, start: rank * count, count: count)]
      case .broadcast: [.init(rank: CollectiveRun.root, start: 0, count: count)]
      case .allToAll: (0..<ranks).map { .init(rank: $0, start: rank * count, count: count) }
      }
    }
  }
}
