// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A block of a matrix that one thread works on at a time.
struct Tile: Hashable, Sendable {
  let rows: Range<Int>
  let columns: Range<Int>

  /// Cuts a matrix into blocks of about `HostTransport.tileByteCount`: long rows are cut, short ones go together.
  static func tiles(rows: Int, columns: Int, size: Int) -> [Tile] {
    let width = max(1, min(columns, HostTransport.tileByteCount / size))
    let height = max(1, HostTransport.tileByteCount / size / width)
    return stride(from: 0, to: rows, by: height).flatMap { row in
      stride(from: 0, to: columns, by: width).map { column in
        Tile(rows: row..<min(rows, row + height), columns: column..<min(columns, column + width))
      }
    }
  }
}

/// A copy between matrices in host memory; strides in elements of `size` bytes.
struct MappedMove: Sendable {
  // Regions of the transport, open while it works; no two moves write the same bytes.
  nonisolated(unsafe) let source: UnsafeMutableRawPointer
  nonisolated(unsafe) let destination: UnsafeMutableRawPointer
  let size: Int
  let sourceStride: Int
  let destinationStride: Int

  func run(_ tile: Tile) {
    for row in tile.rows {
      (destination + (row * destinationStride + tile.columns.lowerBound) * size).copyMemory(
        from: source + (row * sourceStride + tile.columns.lowerBound) * size, byteCount: tile.columns.count * size)
    }
  }
}

/// A join of matrices in host memory.
struct MappedJoin: Sendable {
  // Regions of the transport, open while it works; no two joins write the same bytes.
  nonisolated(unsafe) private let addends: [UnsafeMutableRawPointer]
  nonisolated(unsafe) private let destinations: [UnsafeMutableRawPointer]
  private let size: Int
  private let addendStride: Int
  private let destinationStride: Int
  private let steps: [(sources: [JoinSteps.Source], reducer: HostReducer)]

  init(_ join: Join, addends: [UnsafeMutableRawPointer], destinations: [UnsafeMutableRawPointer]) {
    self.addends = addends
    self.destinations = destinations
    size = join.elementType.byteCount
    addendStride = join.addendStride
    destinationStride = join.destinationStride
    steps = (join.tree.map { JoinSteps($0).steps } ?? []).map {
      ($0.sources, HostReducer(tree: $0.tree, elementType: join.elementType, operation: join.operation))
    }
  }

  /// Joins a block into the first destination and copies it, still in cache, to the others.
  func run(_ tile: Tile) {
    let byteCount = tile.columns.count * size
    withUnsafeTemporaryAllocation(byteCount: max(1, (steps.count - 1) * byteCount), alignment: 64) { kept in
      for row in tile.rows {
        let start = (row * destinationStride + tile.columns.lowerBound) * size
        guard let target = destinations.first.map({ $0 + start }) else { return }
        join(row, tile.columns, into: target, kept)
        for other in destinations.dropFirst() { (other + start).copyMemory(from: target, byteCount: byteCount) }
      }
    }
  }

  private func join(
    _ row: Int, _ columns: Range<Int>, into target: UnsafeMutableRawPointer, _ kept: UnsafeMutableRawBufferPointer
  ) {
    let byteCount = columns.count * size
    guard let base = kept.baseAddress, !steps.isEmpty else {
      target.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
      return
    }
    let start = (row * addendStride + columns.lowerBound) * size
    for (position, step) in steps.enumerated() {
      let sources = step.sources.map { source in
        switch source {
        case .addend(let index): UnsafeRawPointer(addends[index] + start)
        case .step(let index): UnsafeRawPointer(base + index * byteCount)
        }
      }
      let isLast = position == steps.count - 1
      step.reducer.run(sources, into: isLast ? target : base + position * byteCount, 0..<columns.count)
    }
  }
}
