// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import TestSupport
import Testing

@testable import ShardCompute

@Suite("device memory") struct MemoryTests {
  @Test("is refused beyond the device's, with bytes asked for and there, and comes back when it is let go")
  func account() throws {
    let device = HostDevice(workers: 1, memoryByteCount: 1000)
    var first: DeviceMemory? = try device.allocate(byteCount: 600)
    #expect(first?.byteCount == 600)
    #expect(throws: ComputeError.outOfMemory(byteCount: 500, available: 400, device: device.name)) {
      try device.allocate(byteCount: 500)
    }
    first = nil
    #expect(throws: Never.self) { try device.allocate(byteCount: 1000) }
    #expect(throws: ComputeError.self) { try device.allocate(byteCount: 1001) }
    #expect(throws: ComputeError.self) { try device.allocate(byteCount: -1) }
  }

  @Test("a failed allocation is not counted") func failure() throws {
    struct Refusal: Error {}
    let account = MemoryAccount(limit: 10)
    #expect(throws: Refusal.self) { try account.allocate(10, device: "test") { throw Refusal() } }
    #expect(account.available == 10)
  }

  @Test("is one account for all parts of a device, and for all that open it") func parts() throws {
    let device = try #require(try TestDevices.firstDevice())
    let account = try MemoryAccount.of(device)
    #expect(account.limit == (try device.globalMemoryByteCount))
    let again = try #require(try TestDevices.firstDevice())
    #expect(try MemoryAccount.of(again) === account)
    guard try device.computeUnits > 1 else { return }
    for part in try device.partition(into: 2) { #expect(try MemoryAccount.of(part) === account) }
  }

  @Test("borrowed host memory is not written") func borrowed() async throws {
    let owner = HostMemory(byteCount: 16)
    let borrowed = owner.withBytes { HostMemory(borrowing: $0, owner: owner) }
    for device in [HostDevice(), try #require(try TestDevices.openCL())] as [any ComputeDevice] {
      let memory = try device.upload([Float](repeating: 1, count: 4))
      #expect(throws: ComputeError.self) { try device.read(memory, at: 0, byteCount: 16, into: borrowed, at: 0) }
      try await device.finish()
    }
    #expect(owner.array(of: Float.self) == [0, 0, 0, 0])
  }

  /// A process ended here: the driver still copied from memory that had gone with the device.
  @Test("of the host that a command reads outlives a device that nobody has any more") func afterDevice() async throws {
    final class Owner: Sendable {}
    weak var alive: Owner?
    // Takes milliseconds, so that the command still runs when the device has gone.
    let source = HostMemory(byteCount: 256 << 20)
    do {
      let owner = Owner()
      alive = owner
      let borrowed = source.withBytes { HostMemory(borrowing: $0, owner: owner) }
      let device = try #require(try TestDevices.openCL())
      let memory = try device.allocate(byteCount: source.byteCount)
      try device.write(borrowed, at: 0, byteCount: source.byteCount, to: memory, at: 0)
    }
    #expect(alive != nil)
    for _ in 0..<1000 where alive != nil { try await Task.sleep(for: .milliseconds(10)) }
    #expect(alive == nil)
    withExtendedLifetime(source) {}
  }
}
