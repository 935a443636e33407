// SPDX-License-Identifier: Apache-2.0
import ShardCompute

extension Communicator {
  /// Joins the contributions element by element and gives every rank the result.
  ///
  /// Each addend and each output is `count` elements. In one context and with one addend each, a rank reads less than
  /// `2 · count` elements of the others; `(ranks − 1) · count` where that is little, which saves a step.
  /// - Throws: `CollectiveError`; an error of a device.
  public func allReduce(
    _ contributions: [Contribution], into outputs: [Reduction.Operand], count: Int, elementType: ElementType = .f32,
    operation: Reduction.Operation = .sum
  ) async throws {
    try check(count: outputs.count, of: "outputs")
    let sum = try gather(contributions, elementType, operation)
    let count = try checkedSize(count, "elements")
    try check(
      inputs: sum.extents(count), outputs: extents(outputs, "output") { _ in count }, elementType: elementType,
      inPlace: { _ in 0 })
    guard count > 0 else { return }
    try await transport.run([sum.join(into: ranked(outputs), count: count)])
  }

  /// `allReduce` of one operand of each rank; rank r is leaf r of the sum.
  ///
  /// - Throws: `CollectiveError`; an error of a device.
  public func allReduce(
    _ operands: [Reduction.Operand], into outputs: [Reduction.Operand], count: Int, elementType: ElementType = .f32,
    operation: Reduction.Operation = .sum
  ) async throws {
    try await allReduce(
      Contribution.leaves(operands), into: outputs, count: count, elementType: elementType, operation: operation)
  }

  /// Joins the contributions element by element and gives rank `root` the result, `count` elements.
  ///
  /// - Throws: `CollectiveError`; an error of a device.
  public func reduce(
    _ contributions: [Contribution], into output: Reduction.Operand, at root: Int, count: Int,
    elementType: ElementType = .f32, operation: Reduction.Operation = .sum
  ) async throws {
    try check(root: root)
    let sum = try gather(contributions, elementType, operation)
    let count = try checkedSize(count, "elements")
    try check(
      inputs: sum.extents(count), outputs: [Extent(what: "output", rank: root, operand: output, count: count)],
      elementType: elementType, inPlace: { _ in 0 })
    guard count > 0 else { return }
    try await transport.run([sum.join(into: [RankOperand(rank: root, operand: output)], count: count)])
  }

  /// `reduce` of one operand of each rank; rank r is leaf r of the sum.
  ///
  /// - Throws: `CollectiveError`; an error of a device.
  public func reduce(
    _ operands: [Reduction.Operand], into output: Reduction.Operand, at root: Int, count: Int,
    elementType: ElementType = .f32, operation: Reduction.Operation = .sum
  ) async throws {
    try await reduce(
      Contribution.leaves(operands), into: output, at: root, count: count, elementType: elementType,
      operation: operation)
  }

  /// Joins the contributions element by element and gives rank r its piece of the result.
  ///
  /// An addend is `rows` × `columns` of the cut, the output of rank r `rows` × `counts[r]`. In place (one row): the
  /// output is rank r's piece of its addend.
  /// - Throws: `CollectiveError`; an error of a device.
  public func reduceScatter(
    _ contributions: [Contribution], into outputs: [Reduction.Operand], cut: Cut, elementType: ElementType = .f32,
    operation: Reduction.Operation = .sum
  ) async throws {
    try check(count: outputs.count, of: "outputs")
    try cut.check(ranks: rankCount)
    let sum = try gather(contributions, elementType, operation)
    try check(
      inputs: sum.extents(cut.count), outputs: extents(outputs, "output") { cut.rows * cut.counts[$0] },
      elementType: elementType, inPlace: cut.contiguousStart)
    let joins = ranked(outputs).filter { cut.rows > 0 && cut.counts[$0.rank] > 0 }.map {
      sum.join(
        from: cut.start($0.rank), stride: cut.columns, into: [$0], rows: cut.rows, count: cut.counts[$0.rank])
    }
    if !joins.isEmpty { try await transport.run(joins) }
  }

  /// `reduceScatter` of one operand of each rank; rank r is leaf r of the sum.
  ///
  /// - Throws: `CollectiveError`; an error of a device.
  public func reduceScatter(
    _ operands: [Reduction.Operand], into outputs: [Reduction.Operand], cut: Cut, elementType: ElementType = .f32,
    operation: Reduction.Operation = .sum
  ) async throws {
    try await reduceScatter(
      Contribution.leaves(operands), into: outputs, cut: cut, elementType: elementType, operation: operation)
  }

  /// The operands with their ranks.
  func ranked(_ operands: [Reduction.Operand]) -> [RankOperand] {
    operands.enumerated().map { RankOperand(rank: $0, operand: $1) }
  }

  /// The extents of one operand of each rank.
  func extents(_ operands: [Reduction.Operand], _ what: String, count: (_ rank: Int) -> Int) -> [Extent] {
    operands.enumerated().map { Extent(what: what, rank: $0, operand: $1, count: count($0)) }
  }
}
