// SPDX-License-Identifier: Apache-2.0
import ShardCL
import ShardCompute
import Synchronization
import Testing

@Suite("ShardedWeight") struct ShardedWeightTests {
  /// Notes which parts it is asked for.
  final class RecordingSource: MatrixSource {
    struct Request: Hashable {
      let rows: Range<Int>
      let columns: Range<Int>
    }

    let rows = 12
    let columns = 64
    let elementType = ElementType.bf16
    let requests = Mutex<[Request]>([])

    func block(rows: Range<Int>, columns: Range<Int>) throws -> HostMemory {
      requests.withLock { $0.append(Request(rows: rows, columns: columns)) }
      return HostMemory(byteCount: 2 * rows.count * columns.count)
    }
  }

  @Test("asks the source once for the part of each rank, and for nothing else")
  func ownPartsOnly() throws {
    let mesh = try HostMeshes.make(4)
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
    let mesh = try HostMeshes.make(2)
    #expect {
      try ShardedWeight(RecordingSource(), on: mesh, placement: .shard(1), unit: 32, partition: .even(64, parts: 2))
    } throws: { _ in false }
  }
}
