// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport
import Testing

@testable import ShardCollectives

@Suite("the flight recorder") struct FlightRecorderTests {
  @Test("has every collective with its sizes, done once the ranks are", arguments: RankCase.ranks(3))
  func operations(ranks: RankCase) async throws {
    let call = try CollectiveCall(ranks.communicator())
    for operation in CollectiveOperation.allCases { try await call.run(operation) }
    try await call.communicator.finish()
    let entries = call.communicator.recorder.entries
    #expect(entries.map(\.operation) == CollectiveOperation.allCases)
    #expect(entries.map(\.sequence) == Array(1...entries.count))
    for entry in entries {
      #expect(entry.counts == call.counts(entry.operation), "\(entry)")
      #expect(entry.elementType == (entry.operation == .barrier ? nil : .f32))
      #expect(entry.state == .done && entry.unfinishedRanks.isEmpty && entry.failedRank == nil, "\(entry)")
      #expect(entry.byteCount(rank: 2) == (entry.operation == .barrier ? 0 : 4 * entry.counts[2]))
    }
    #expect(entries[0].description == "#1 all-reduce f32 [6, 6, 6]: done")
    let coded = try JSONEncoder().encode(entries)
    #expect(try JSONDecoder().decode([FlightRecorder.Entry].self, from: coded) == entries)
  }

  @Test("keeps the last 1,024")
  func ring() async throws {
    let communicator = try Communicator(devices: TestDevices.ranks(1, .host))
    for _ in 0..<1030 { try await communicator.broadcast(.init(empty), from: 0, into: [.init(empty)], count: 0) }
    let entries = communicator.recorder.entries
    #expect(entries.count == FlightRecorder.capacity)
    #expect(entries.map(\.sequence) == Array(7...1030))
    #expect(communicator.recorder.last(2).map(\.sequence) == [1029, 1030])
  }

  @Test("does not record what was refused")
  func refused() async throws {
    let call = try CollectiveCall(Communicator(devices: TestDevices.ranks(2, .host)))
    try await call.run(.barrier)
    await #expect(throws: CollectiveError.root(9, ranks: 2)) {
      try await call.communicator.reduce(call.inputs, into: call.outputs[0], at: 9, count: 1)
    }
    #expect(call.communicator.recorder.entries.count == 1)
    #expect(call.communicator.failure == nil)
  }

  private let empty: DeviceMemory

  init() throws { empty = try TestDevices.ranks(1, .host)[0].allocate(byteCount: 0) }
}
