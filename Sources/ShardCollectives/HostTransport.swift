// SPDX-License-Identifier: Apache-2.0
import Dispatch
import ShardCompute

/// Ranks meet in host memory: their memory is mapped, host threads copy and join straight from input to output, and it
/// is unmapped again. Nothing is copied where device and host share memory.
package struct HostTransport: Transport {
  private let devices: [any ComputeDevice]

  /// Bytes of one piece of work: operands of a few ranks stay in the second-level cache, and pieces are still many.
  static let tileByteCount = 64 << 10

  package init(_ devices: [any ComputeDevice]) { self.devices = devices }

  package func run(_ moves: [Move]) async throws {
    let wanted = moves.flatMap { [region($0.source, writing: false), region($0.destination, writing: true)] }
    try await withRegions(wanted) { regions in
      moves.flatMap { move in
        let mapped = MappedMove(
          source: regions.address(of: move.source), destination: regions.address(of: move.destination),
          size: move.source.view.elementType.byteCount, sourceStride: move.source.view.rowStride,
          destinationStride: move.destination.view.rowStride)
        return Tile.tiles(rows: move.source.view.rows, columns: move.source.view.columns, size: mapped.size)
          .map { tile in { @Sendable in mapped.run(tile) } }
      }
    }
  }

  package func run(_ joins: [Join]) async throws {
    let wanted = joins.flatMap { join in
      join.addends.map { region($0, join, stride: join.addendStride, writing: false) }
        + join.destinations.map { region($0, join, stride: join.destinationStride, writing: true) }
    }
    try await withRegions(wanted) { regions in
      joins.flatMap { join in
        let size = join.elementType.byteCount
        let mapped = MappedJoin(
          join, addends: join.addends.map { regions.address(of: $0, size: size) },
          destinations: join.destinations.map { regions.address(of: $0, size: size) })
        return Tile.tiles(rows: join.rows, columns: join.count, size: size)
          .map { tile in { @Sendable in mapped.run(tile) } }
      }
    }
  }

  package func barrier() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for device in devices { group.addTask { try await device.finish() } }
      // Every rank is waited for, then the first error is thrown.
      var failure: (any Error)?
      while let result = await group.nextResult() {
        if case .failure(let error) = result { failure = failure ?? error }
      }
      if let failure { throw failure }
    }
  }

  /// Runs the pieces of work that `work` makes of the opened regions on host threads; closes the regions whatever
  /// happens.
  private func withRegions(
    _ wanted: [HostRegions.Region], _ work: (HostRegions) -> [@Sendable () -> Void]
  ) async throws {
    let regions = try await HostRegions.begin(wanted, on: devices)
    let pieces = work(regions)
    await withCheckedContinuation { done in
      // Copies take long enough to hold up other tasks on Swift's own threads.
      DispatchQueue.global(qos: .userInitiated).async {
        DispatchQueue.concurrentPerform(iterations: pieces.count) { pieces[$0]() }
        done.resume()
      }
    }
    try regions.end(on: devices)
  }

  private func region(_ matrix: RankMatrix, writing: Bool) -> HostRegions.Region {
    let (view, size) = (matrix.view, matrix.view.elementType.byteCount)
    let end = view.offset + (view.rows - 1) * view.rowStride + view.columns
    return HostRegions.Region(
      rank: matrix.rank, memory: view.memory, bytes: view.offset * size..<end * size, writing: writing)
  }

  private func region(_ place: RankOperand, _ join: Join, stride: Int, writing: Bool) -> HostRegions.Region {
    let (start, size) = (place.operand.offset, join.elementType.byteCount)
    let end = start + (join.rows - 1) * stride + join.count
    return HostRegions.Region(
      rank: place.rank, memory: place.operand.memory, bytes: start * size..<end * size, writing: writing)
  }
}

extension HostRegions {
  fileprivate func address(of matrix: RankMatrix) -> UnsafeMutableRawPointer {
    address(matrix.rank, matrix.view.memory, matrix.view.offset * matrix.view.elementType.byteCount)
  }

  fileprivate func address(of place: RankOperand, size: Int) -> UnsafeMutableRawPointer {
    address(place.rank, place.operand.memory, place.operand.offset * size)
  }
}
