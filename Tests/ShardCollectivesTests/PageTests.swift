// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute
import Testing

@Suite("the module's page") struct PageTests {
  @Test("its lines run") func lines() async throws {
    let devices = (0..<3).map { HostDevice(selector: "host.\($0)", workers: 1) }
    let communicator = try Communicator(devices: devices)
    let cut = Cut(counts: [5, 0, 3])
    let addends = try devices.map { Reduction.Operand(try $0.upload([Float](repeating: 2, count: cut.count))) }
    let pieces = try zip(devices, cut.counts).map { Reduction.Operand(try $0.allocate(byteCount: 4 * $1)) }
    try await communicator.reduceScatter(addends, into: pieces, cut: cut)
    try await communicator.allGather(pieces, into: addends, cut: cut)
    let sums: [Float] = try await devices[1].download(addends[1].memory)
    #expect(sums == [Float](repeating: 6, count: 8))
  }
}
