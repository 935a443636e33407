// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Two ways to cut a matrix over ranks, and how to go from one to the other.
public enum Recut: String, CaseIterable, Hashable, Sendable, Codable {
  /// From runs of rows to runs of columns: `shard(0)` to `shard(1)`.
  case rowsToColumns
  /// From runs of columns to runs of rows: `shard(1)` to `shard(0)`.
  case columnsToRows
}

extension Communicator {
  /// Sends `counts[s][d]` elements from each rank s to each rank d.
  ///
  /// The input of rank s has its runs for ranks 0, 1, … one after another, the output of rank d the runs from ranks
  /// 0, 1, …. Not in place.
  /// - Throws: `CollectiveError`; an error of a device.
  public func allToAll(
    _ inputs: [Reduction.Operand], into outputs: [Reduction.Operand], counts: [[Int]], elementType: ElementType = .f32
  ) async throws {
    try check(count: inputs.count, of: "inputs")
    try check(count: outputs.count, of: "outputs")
    try check(count: counts.count, of: "rows of counts")
    for row in counts { try Cut(counts: row).check(ranks: rankCount) }
    let sent = counts.map { Cut(counts: $0) }
    let received = devices.indices.map { rank in Cut(counts: counts.map { $0[rank] }) }
    for cut in received { try cut.check(ranks: rankCount) }
    try check(
      inputs: extents(inputs, "input") { sent[$0].count },
      outputs: extents(outputs, "output") { received[$0].count }, elementType: elementType, inPlace: { _ in nil })
    var moves: [Move] = []
    for source in ranked(inputs) {
      for destination in ranked(outputs) {
        let count = counts[source.rank][destination.rank]
        try moves.append(
          source.block(at: sent[source.rank].start(destination.rank), stride: count),
          to: destination.block(at: received[destination.rank].start(source.rank), stride: count), rows: 1,
          columns: count, elementType)
      }
    }
    try await run(moves)
  }

  /// Cuts a row-major matrix the other way.
  ///
  /// By rows, rank r holds `rowCounts[r]` × the sum of `columnCounts`; by columns, the sum of `rowCounts` ×
  /// `columnCounts[r]`, both row-major. Not in place.
  /// - Throws: `CollectiveError`; an error of a device.
  public func allToAll(
    _ inputs: [Reduction.Operand], into outputs: [Reduction.Operand], rowCounts: [Int], columnCounts: [Int],
    _ recut: Recut, elementType: ElementType = .f32
  ) async throws {
    try check(count: inputs.count, of: "inputs")
    try check(count: outputs.count, of: "outputs")
    let byRows = Cut(counts: rowCounts)
    try byRows.check(ranks: rankCount)
    let byColumns = Cut(rows: byRows.columns, counts: columnCounts)
    try byColumns.check(ranks: rankCount)
    let (rows, columns) = (byRows.columns, byColumns.columns)
    let rowPiece = { rank in rowCounts[rank] * columns }
    let columnPiece = { rank in rows * columnCounts[rank] }
    let forward = recut == .rowsToColumns
    try check(
      inputs: extents(inputs, "input", count: forward ? rowPiece : columnPiece),
      outputs: extents(outputs, "output", count: forward ? columnPiece : rowPiece), elementType: elementType,
      inPlace: { _ in nil })
    var moves: [Move] = []
    for source in ranked(inputs) {
      for destination in ranked(outputs) {
        let (rowRank, columnRank) = forward ? (source.rank, destination.rank) : (destination.rank, source.rank)
        let width = columnCounts[columnRank]
        // The block that both share, as it lies in the piece by rows and in the piece by columns.
        let inRows = (start: byColumns.start(columnRank), stride: columns)
        let inColumns = (start: byRows.start(rowRank) * width, stride: width)
        let (from, to) = forward ? (inRows, inColumns) : (inColumns, inRows)
        try moves.append(
          source.block(at: from.start, stride: from.stride), to: destination.block(at: to.start, stride: to.stride),
          rows: rowCounts[rowRank], columns: width, elementType)
      }
    }
    try await run(moves)
  }
}
