// SPDX-License-Identifier: Apache-2.0
import ShardCompute

extension ShardedTensor {
  /// Uploads a matrix; each rank is sent its own part only, in a `.partial` tensor the whole goes to one rank.
  ///
  /// - Throws: `ShardingError`; the driver's error.
  public init(
    _ source: some MatrixSource, on mesh: DeviceMesh, placement: Placement, partition: Partition? = nil
  ) throws {
    try self.init(
      on: mesh, rows: source.rows, columns: source.columns, placement: placement, partition: partition)
    try write(source)
  }

  /// Uploads `values`, row-major.
  ///
  /// - Throws: `ShardingError`; the driver's error.
  public init(
    _ values: [Float], rows: Int, columns: Int, on mesh: DeviceMesh, placement: Placement, partition: Partition? = nil
  ) throws {
    try self.init(
      HostMatrix(values, rows: rows, columns: columns), on: mesh, placement: placement, partition: partition)
  }

  /// Replaces the contents by `source`; its bytes must stay as they are until `mesh.finish()`.
  ///
  /// - Throws: `ShardingError.shapeMismatch`; `.noTransition` for a `.partial` tensor that is no rank's alone.
  public func write(_ source: some MatrixSource) throws {
    guard source.rows == rows, source.columns == columns, source.format == .f32 else {
      throw ShardingError.shapeMismatch(
        "\(source.rows) × \(source.columns) \(source.format.rawValue) for a tensor of \(rows) × \(columns) f32")
    }
    if placement == .partial {
      guard case .partial(let runs) = distribution, runs.contains(SumOrder.allLeaves) else {
        throw ShardingError.noTransition(from: .replicate, to: .partial)
      }
    }
    // Ranks that hold the same part share one block.
    var last: (rows: Range<Int>, columns: Range<Int>, block: HostMemory)?
    for rank in mesh.ranks where !distribution.nodes(of: rank.index).isEmpty {
      let part = distribution.block(of: rank.index, rows: rows, columns: columns)
      let block =
        if let last, last.rows == part.rows, last.columns == part.columns {
          last.block
        } else {
          try source.block(rows: part.rows, columns: part.columns)
        }
      last = (part.rows, part.columns, block)
      let byteCount = 4 * part.rows.count * part.columns.count
      try rank.device.write(block, at: 0, byteCount: byteCount, to: memories[rank.index], at: 0)
    }
  }

  /// The matrix, row-major; a `.partial` tensor is summed first, which allocates.
  ///
  /// - Throws: the driver's error.
  public func download() async throws -> [Float] {
    let host = HostMemory(byteCount: 4 * rows * columns)
    try await download(into: host)
    return host.array(of: Float.self)
  }

  /// Copies the matrix, row-major, into host memory of exactly its size; it is there on return.
  ///
  /// - Throws: `ShardingError.shapeMismatch`; `ComputeError.outOfBounds` for borrowed memory; the driver's error.
  public func download(into host: HostMemory) async throws {
    guard host.byteCount == 4 * rows * columns else {
      throw ShardingError.shapeMismatch("\(host.byteCount) bytes for a tensor of \(rows) × \(columns) f32")
    }
    try host.checkRange(0, host.byteCount, writing: true)
    switch distribution {
    case .partial, .addends, .attention:
      try await redistribute(to: .replicate).download(into: host)
    case .replicate:
      try mesh.ranks[0].device.read(memories[0], at: 0, byteCount: host.byteCount, into: host, at: 0)
      try await mesh.ranks[0].device.finish()
    case .shard(0, let partition):
      for rank in mesh.ranks {
        let range = partition.range(of: rank.index)
        try rank.device.read(
          memories[rank.index], at: 0, byteCount: 4 * range.count * columns, into: host,
          at: 4 * range.lowerBound * columns)
      }
      try await mesh.finish()
    case .shard(_, let partition):
      try await downloadColumns(partition, into: host)
    }
  }

  /// The elements that `rank` holds, row-major; for a `.partial` tensor its addends, one after the other.
  ///
  /// - Throws: the driver's error.
  public func download(rank: Int) async throws -> [Float] {
    let piece = try piece(of: rank)
    let addends = distribution.nodes(of: rank).count
    let host = HostMemory(byteCount: 4 * addends * piece.rows * piece.columns)
    let device = mesh.ranks[rank].device
    try device.read(memories[rank], at: 0, byteCount: host.byteCount, into: host, at: 0)
    try await device.finish()
    return host.array(of: Float.self)
  }

  /// Reads all pieces side by side, then puts their rows together.
  private func downloadColumns(_ partition: Partition, into host: HostMemory) async throws {
    let pieces = partition.counts.map { HostMemory(byteCount: 4 * rows * $0) }
    for (rank, piece) in zip(mesh.ranks, pieces) {
      try rank.device.read(memories[rank.index], at: 0, byteCount: piece.byteCount, into: piece, at: 0)
    }
    try await mesh.finish()
    host.withMutableBytes { target in
      for (rank, piece) in pieces.enumerated() where piece.byteCount > 0 {
        let width = 4 * partition.counts[rank]
        piece.withBytes { bytes in
          for row in 0..<rows {
            let start = 4 * (row * columns + partition.borders[rank])
            target[start..<start + width].copyBytes(from: bytes[row * width..<(row + 1) * width])
          }
        }
      }
    }
  }
}
