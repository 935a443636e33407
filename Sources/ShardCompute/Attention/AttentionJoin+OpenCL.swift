// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// A launch of `attention/join`.
struct NodeJoin {
  /// The heads that are wanted of those in `of`.
  let heads: Range<Int>
  let of: AttentionHeads
  let records: Buffer
  let queries: AttentionRecords.Records
  let listsAt: Int
  let sinks: MatrixView?
  /// Whether what is left stays nodes, `nodeStride` elements apart.
  let asNodes: Bool
  let result: MatrixView
  let nodeStride: Int
  let logSumExp: MatrixView?
  let nodes: Buffer
  let slotFloats: Int

  init(
    heads: Range<Int>, of all: AttentionHeads, records: Buffer, queries: AttentionRecords.Records, listsAt: Int,
    sinks: MatrixView?, asNodes: Bool, result: MatrixView, nodeStride: Int, logSumExp: MatrixView?, nodes: Buffer,
    slotFloats: Int
  ) {
    self.heads = heads
    of = all
    self.records = records
    self.queries = queries
    self.listsAt = listsAt
    self.sinks = sinks
    self.asNodes = asNodes
    self.result = result
    self.nodeStride = nodeStride
    self.logSumExp = logSumExp
    self.nodes = nodes
    self.slotFloats = slotFloats
  }
}

extension OpenCLDevice {
  /// Enqueues the join of nodes that several ranks have: `attention/join`.
  public func join(_ join: AttentionJoin) throws {
    let slotFloats = try checkedProduct(join.slotRows, join.heads.nodeColumns)
    try launchJoin(
      NodeJoin(
        heads: join.range, of: join.heads, records: buffer(join.lists.memory), queries: join.lists.queries,
        listsAt: join.lists.nodesAt, sinks: join.sinks, asNodes: false, result: join.result, nodeStride: 0,
        logSumExp: join.logSumExp, nodes: buffer(join.nodes), slotFloats: slotFloats))
  }

  func launchJoin(_ join: NodeJoin) throws {
    guard join.queries.count > 0, !join.heads.isEmpty else { return }
    let lanes = capabilities.architecture == .gpu ? 64 : 1
    try library.kernel("attention/join", options: ["-DFUNCTION_LANES=1"]).launch(
      on: queue, size: LaunchSize(global: [lanes, join.heads.count, join.queries.count], local: [lanes, 1, 1]),
      arguments: [
        .int(Int32(join.heads.count)), .int(Int32(join.of.queryHeads)), .int(Int32(join.heads.lowerBound)),
        .int(Int32(join.of.valueSize)), .buffer(join.records), .int(Int32(join.queries.at)), .int(Int32(join.listsAt)),
      ] + optional(join.sinks) + [
        .int(join.asNodes ? 1 : 0), .buffer(try buffer(join.result.memory)), .long(Int64(join.result.offset)),
        .long(Int64(join.result.rowStride)), .long(Int64(join.nodeStride)),
      ] + optional(join.logSumExp) + [
        .long(Int64(join.logSumExp?.rowStride ?? 0)), .buffer(join.nodes), .long(Int64(join.slotFloats)),
      ])
  }

  /// Whether a matrix is there, its memory and where it begins.
  func optional(_ matrix: MatrixView?) throws -> [KernelArgument] {
    guard let matrix else {
      return [.int(0), .buffer(try buffer(DeviceMemory(byteCount: 0, storage: .empty))), .long(0)]
    }
    return [.int(1), .buffer(try buffer(matrix.memory)), .long(Int64(matrix.offset))]
  }
}
