// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import TestSupport
import Testing

@testable import ShardCollectives

@Suite("a device that fails in a collective", .timeLimit(.minutes(2))) struct FailureTests {
  /// Whatever fails: a rank's device in each collective that touches it, over host memory.
  @Test("is named with operation and bytes, and a new communicator goes on", arguments: CollectiveOperation.allCases)
  func hostStaged(operation: CollectiveOperation) async throws {
    for failing in 0..<3 {
      let devices = (0..<3).map { RefusingDevice("refusing.\($0)") }
      let call = try CollectiveCall(Communicator(devices: devices))
      try await call.run(.barrier)
      devices[failing].refuses.withLock { $0 = true }
      let failure = await #expect(throws: CollectiveFailure.self) { try await call.run(operation, root: failing) }
      check(failure, operation, rank: failing, call)
      #expect(failure?.underlying is RefusingDevice.Refusal)
      devices[failing].refuses.withLock { $0 = false }
      #expect(try await call.inputsAreIntact(), "\(operation) at rank \(failing)")
      try await isBroken(call, by: failure)
      let rest = devices.enumerated().filter { $0.offset != failing }.map(\.element)
      try await goesOn(Communicator(devices: rest))
    }
  }

  @Test(
    "is named in one context too", .enabled(if: TestDevices.kinds.contains(.context)),
    arguments: CollectiveOperation.allCases)
  func inContext(operation: CollectiveOperation) async throws {
    let devices = try TestDevices.ranks(3, .context)
    for failing in 0..<3 {
      let sound = try #require(ContextTransport(devices))
      let communicator = try Communicator(devices: devices, transport: FailingTransport(sound: sound, rank: failing))
      let call = try CollectiveCall(communicator)
      let failure = await #expect(throws: CollectiveFailure.self) { try await call.run(operation, root: failing) }
      check(failure, operation, rank: failing, call)
      #expect(failure?.underlying is FailingTransport.Refusal)
      #expect(try await call.inputsAreIntact(), "\(operation) at rank \(failing)")
      try await isBroken(call, by: failure)
      let rest = devices.enumerated().filter { $0.offset != failing }.map(\.element)
      try await goesOn(Communicator(devices: rest, transport: .context))
    }
  }

  @Test("is named where it has no memory left", .enabled(if: TestDevices.kinds.contains(.context)))
  func outOfMemory() async throws {
    for failing in 0..<3 {
      let wide = try TestDevices.oneContext(3)
      let devices = try wide.enumerated().map { rank, device in
        guard rank == failing else { return device }
        return try OpenCLDevice(
          selector: "small", device: device.device, context: device.context, cache: ProgramCache(),
          maximumAllocationByteCount: 4096)
      }
      let communicator = try Communicator(devices: devices, transport: .context)
      // In place, so that each rank needs memory of its own for the sum.
      let operands = try devices.enumerated().map { rank, device in
        Reduction.Operand(try (rank == failing ? wide[rank] : device).upload([Float](repeating: 1, count: 2000)))
      }
      let failure = await #expect(throws: CollectiveFailure.self) {
        try await communicator.allReduce(operands, into: operands, count: 2000)
      }
      #expect(failure?.rank == failing && failure?.device == "small" && failure?.byteCount == 8000)
      guard case .allocationTooLarge(_, limit: 4096, _)? = failure?.underlying as? ComputeError else {
        Issue.record("\(String(describing: failure))")
        continue
      }
      #expect(failure?.undrainedRanks == [])
      #expect(try await wide[0].download(operands[0].memory) == [Float](repeating: 1, count: 2000))
    }
  }

  private func check(
    _ failure: CollectiveFailure?, _ operation: CollectiveOperation, rank: Int, _ call: CollectiveCall
  ) {
    #expect(failure?.rank == rank && failure?.operation == operation, "\(String(describing: failure))")
    #expect(failure?.device == call.communicator.devices[rank].selector)
    #expect(failure?.byteCount == (operation == .barrier ? 0 : 4 * call.counts(operation)[rank]))
    #expect(failure?.undrainedRanks == [])
    #expect(failure?.recent.last?.state == .failed && failure?.recent.last?.failedRank == rank)
  }

  private func isBroken(_ call: CollectiveCall, by failure: CollectiveFailure?) async throws {
    let summary = try #require(failure).summary
    for operation in CollectiveOperation.allCases {
      await #expect(throws: CollectiveError.broken(by: summary)) { try await call.run(operation) }
    }
    #expect(call.communicator.failure?.summary == summary)
  }

  private func goesOn(_ communicator: Communicator) async throws {
    let call = try CollectiveCall(communicator)
    for operation in CollectiveOperation.allCases { try await call.run(operation) }
    try await communicator.finish()
    try await call.run(.allReduce)
    let sums: [Float] = try await communicator.devices[1].download(call.outputs[1].memory)
    #expect(Array(sums.prefix(CollectiveCall.piece)) == (0..<CollectiveCall.piece).map { Float(2 * $0) })
  }
}
