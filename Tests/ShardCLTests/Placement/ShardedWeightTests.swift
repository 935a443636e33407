// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import Synchronization
import TestSupport
import Testing

@Suite("ShardedWeight") struct ShardedWeightTests {
  /// Notes which parts it is asked for.
  final class RecordingSource: MatrixSource, Sendable {
    struct Request: Hashable {
      let rows: Range<Int>
      let columns: Range<Int>
    }

    let rows = 12
    let columns = 64
    let format = WeightFormat.bf16
    let requests = Mutex<[Request]>([])

    func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
      requests.withLock { $0.append(Request(rows: rows, columns: columns)) }
      return HostMemory(byteCount: 2 * rows.count * columns.count)
    }
  }

  @Test("asks the source once for the part of each rank, and for nothing else")
  func ownPartsOnly() throws {
    let mesh = try MeshCase.host(4)
    let source = RecordingSource()
    func requests() -> [RecordingSource.Request] {
      source.requests.withLock { list in
        defer { list = [] }
        return list
      }
    }
    _ = try ShardedWeight(source, on: mesh, placement: .shard(0), partition: .fromBorders([0, 1, 4, 4, 12]))
    #expect(requests() == [0..<1, 1..<4, 4..<4, 4..<12].map { .init(rows: $0, columns: 0..<64) })
    _ = try ShardedWeight(source, on: mesh, placement: .shard(1))
    #expect(requests() == [0..<16, 16..<32, 32..<48, 48..<64].map { .init(rows: 0..<12, columns: $0) })
    _ = try ShardedWeight(source, on: mesh, placement: .replicate)
    #expect(requests() == [.init(rows: 0..<12, columns: 0..<64)])
  }

  @Test("a row-parallel cut beside leaf borders is refused with the borders")
  func offBorder() throws {
    let mesh = try MeshCase.host(2)
    #expect {
      try ShardedWeight(RecordingSource(), on: mesh, placement: .shard(1), partition: .fromBorders([0, 9, 64]))
    } throws: {
      "\($0)".contains("[9, 55]") && "\($0)".contains("[0, 8, 16, 24, 32, 40, 48, 56, 64]")
    }
  }

  @Test("a weight is never partial, and has a unit")
  func refusals() throws {
    let mesh = try MeshCase.host(2)
    #expect(throws: ShardingError.noTransition(from: .replicate, to: .partial)) {
      try ShardedWeight(RecordingSource(), on: mesh, placement: .partial)
    }
    #expect(throws: ShardingError.self) { try ShardedWeight(RecordingSource(), on: mesh, placement: .shard(2)) }
    #expect(throws: ShardingError.self) {
      try ShardedWeight(RecordingSource(), on: mesh, placement: .shard(1), unit: 0)
    }
  }

  @Test("an empty matrix with a huge side is refused, not computed with")
  func hugeSides() throws {
    let mesh = try MeshCase.host(2)
    for (rows, columns) in [(Int.max, 0), (0, Int.max)] {
      let source = try HostMatrix(HostMemory(byteCount: 0), rows: rows, columns: columns)
      #expect(try source.block(rows: 0..<rows, columns: 0..<columns).byteCount == 0)
      for placement in [Placement.replicate, .shard(0), .shard(1)] {
        #expect(throws: ShardingError.self) { try ShardedTensor(source, on: mesh, placement: placement) }
        #expect(throws: ShardingError.self) { try ShardedWeight(source, on: mesh, placement: placement) }
      }
    }
  }

  @Test("a window into a matrix in host memory has the elements of its rows and columns")
  func hostMatrix() throws {
    let matrix = try HostMatrix((0..<12).map(Float.init), rows: 3, columns: 4)
    #expect(try matrix.block(rows: 1..<3, columns: 0..<4).array(of: Float.self) == (4..<12).map(Float.init))
    #expect(try matrix.block(rows: 1..<3, columns: 1..<3).array(of: Float.self) == [5, 6, 9, 10])
    #expect(try matrix.block(rows: 1..<1, columns: 0..<4).byteCount == 0)
    #expect(try matrix.block(rows: 0..<3, columns: 2..<2).byteCount == 0)
    #expect(throws: ShardingError.self) { try matrix.block(rows: 0..<4, columns: 0..<4) }
    #expect(throws: ShardingError.self) { try HostMatrix([1, 2, 3], rows: 2, columns: 2) }
    #expect(throws: ShardingError.self) { try HostMatrix([], rows: -1, columns: 0) }
    #expect(throws: ShardingError.self) { try HostMatrix([], rows: .max, columns: .max) }
  }
}
