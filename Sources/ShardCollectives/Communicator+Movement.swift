// SPDX-License-Identifier: Apache-2.0
import ShardCompute

extension Communicator {
  /// Gives every rank the whole, of which each has a piece.
  ///
  /// The input of rank r is `rows` × `counts[r]` of the cut, each output the whole, `rows` × `columns`. In place (one
  /// row): the input is rank r's piece of its output. A rank reads all pieces but its own.
  /// - Throws: `CollectiveError`; an error of a device.
  public func allGather(
    _ inputs: [Reduction.Operand], into outputs: [Reduction.Operand], cut: Cut, elementType: ElementType = .f32
  ) async throws {
    try check(count: outputs.count, of: "outputs")
    try await gather(inputs, into: ranked(outputs), cut: cut, elementType: elementType)
  }

  /// Gives rank `root` the whole, of which each rank has a piece; layouts as for `allGather`.
  ///
  /// - Throws: `CollectiveError`; an error of a device.
  public func gather(
    _ inputs: [Reduction.Operand], into output: Reduction.Operand, at root: Int, cut: Cut,
    elementType: ElementType = .f32
  ) async throws {
    try check(root: root)
    try await gather(
      inputs, into: [RankOperand(rank: root, operand: output)], cut: cut, elementType: elementType)
  }

  private func gather(
    _ inputs: [Reduction.Operand], into outputs: [RankOperand], cut: Cut, elementType: ElementType
  ) async throws {
    try check(count: inputs.count, of: "inputs")
    try cut.check(ranks: rankCount)
    try check(
      inputs: extents(inputs, "input") { cut.rows * cut.counts[$0] },
      outputs: outputs.map { Extent(what: "output", rank: $0.rank, operand: $0.operand, count: cut.count) },
      elementType: elementType, inPlace: { rank in cut.contiguousStart(rank).map { -$0 } })
    var moves: [Move] = []
    for output in outputs {
      for input in ranked(inputs) {
        let columns = cut.counts[input.rank]
        try moves.append(
          input.block(stride: columns), to: output.block(at: cut.start(input.rank), stride: cut.columns),
          rows: cut.rows, columns: columns, elementType)
      }
    }
    try await run(moves)
  }

  /// Gives each rank its piece of what rank `root` has.
  ///
  /// The input is `rows` × `columns` of the cut, the output of rank r `rows` × `counts[r]`. In place (one row): the
  /// root's output is its piece of the input.
  /// - Throws: `CollectiveError`; an error of a device.
  public func scatter(
    _ input: Reduction.Operand, from root: Int, into outputs: [Reduction.Operand], cut: Cut,
    elementType: ElementType = .f32
  ) async throws {
    try check(root: root)
    try check(count: outputs.count, of: "outputs")
    try cut.check(ranks: rankCount)
    try check(
      inputs: [Extent(what: "input", rank: root, operand: input, count: cut.count)],
      outputs: extents(outputs, "output") { cut.rows * cut.counts[$0] }, elementType: elementType,
      inPlace: cut.contiguousStart)
    var moves: [Move] = []
    for output in ranked(outputs) {
      let columns = cut.counts[output.rank]
      try moves.append(
        RankOperand(rank: root, operand: input).block(at: cut.start(output.rank), stride: cut.columns),
        to: output.block(stride: columns), rows: cut.rows, columns: columns, elementType)
    }
    try await run(moves)
  }

  /// Gives every rank the `count` elements that rank `root` has. In place: the root's output is the input.
  ///
  /// - Throws: `CollectiveError`; an error of a device.
  public func broadcast(
    _ input: Reduction.Operand, from root: Int, into outputs: [Reduction.Operand], count: Int,
    elementType: ElementType = .f32
  ) async throws {
    try check(root: root)
    try check(count: outputs.count, of: "outputs")
    let count = try checkedSize(count, "elements")
    try check(
      inputs: [Extent(what: "input", rank: root, operand: input, count: count)],
      outputs: extents(outputs, "output") { _ in count }, elementType: elementType, inPlace: { _ in 0 })
    var moves: [Move] = []
    for output in ranked(outputs) {
      try moves.append(
        RankOperand(rank: root, operand: input).block(stride: count), to: output.block(stride: count), rows: 1,
        columns: count, elementType)
    }
    try await run(moves)
  }

  /// Runs what there is to move.
  func run(_ moves: [Move]) async throws {
    let moves = moves.filter { !$0.isInPlace }
    if !moves.isEmpty { try await transport.run(moves) }
  }
}

/// Where a block begins in an operand, and how far apart its rows are, in elements.
struct BlockOrigin {
  let place: RankOperand
  let start: Int
  let stride: Int
}

extension RankOperand {
  /// The origin of a block `start` elements into the operand.
  func block(at start: Int = 0, stride: Int) -> BlockOrigin { BlockOrigin(place: self, start: start, stride: stride) }
}

extension [Move] {
  /// Adds the copy of a block of `rows` × `columns`; an empty one is left out.
  mutating func append(
    _ source: BlockOrigin, to destination: BlockOrigin, rows: Int, columns: Int, _ elementType: ElementType
  ) throws {
    guard rows > 0, columns > 0 else { return }
    func matrix(_ origin: BlockOrigin) throws -> RankMatrix {
      let operand = origin.place.operand
      return RankMatrix(
        rank: origin.place.rank,
        view: try MatrixView(
          operand.memory, rows: rows, columns: columns, leadingDimension: origin.stride,
          offset: operand.offset + origin.start, elementType: elementType))
    }
    append(Move(source: try matrix(source), destination: try matrix(destination)))
  }
}
