// SPDX-License-Identifier: Apache-2.0
import COpenCL
import ShardCompute
import TestSupport
import Testing

@testable import OpenCLKit
@testable import ShardCollectives

@Suite("deadlines", .timeLimit(.minutes(2))) struct DeadlineTests {
  private static let deadline = Duration.milliseconds(300)

  @Test("end a collective whose rank is never done, and name it", arguments: CollectiveOperation.allCases)
  func hostStaged(operation: CollectiveOperation) async throws {
    for stuck in 0..<3 {
      let devices = (0..<3).map { StuckDevice("stuck.\($0)") }
      let call = try CollectiveCall(Communicator(devices: devices, deadline: Self.deadline))
      try await call.run(.allGather)
      devices[stuck].hold()
      let failure = try await failsInTime { try await call.run(operation, root: stuck) }
      #expect(failure.rank == stuck && failure.device == "stuck.\(stuck)" && failure.operation == operation)
      #expect(failure.sequence == 2)
      guard case .deadline(_, ranks: [stuck])? = failure.underlying as? CollectiveError else {
        Issue.record("\(failure)")
        continue
      }
      #expect(failure.undrainedRanks == [stuck])
      await #expect(throws: CollectiveError.broken(by: failure.summary)) { try await call.run(.barrier) }
      devices[stuck].free()
      #expect(try await call.inputsAreIntact())
      let rest = devices.enumerated().filter { $0.offset != stuck }.map(\.element)
      let next = try CollectiveCall(Communicator(devices: rest, deadline: Self.deadline))
      for operation in CollectiveOperation.allCases { try await next.run(operation) }
    }
  }

  @Test("end a wait after every collective is done")
  func finish() async throws {
    let devices = (0..<3).map { StuckDevice("stuck.\($0)") }
    let call = try CollectiveCall(Communicator(devices: devices, deadline: Self.deadline))
    try await call.run(.allReduce)
    devices[1].hold()
    let failure = try await failsInTime { try await call.communicator.finish() }
    #expect(failure.rank == 1 && failure.collective == nil && failure.undrainedRanks == [1])
    devices[1].free()
  }

  @Test(
    "name the rank that others of its context wait for, and the oldest collective",
    .enabled(if: TestDevices.kinds.contains(.context)))
  func inContext() async throws {
    for stuck in 0..<3 {
      let devices = try TestDevices.oneContext(3)
      // Other suites keep the driver's threads busy, and a rank that has work to do must not seem stuck.
      let deadline = Duration.seconds(5)
      let communicator = try Communicator(devices: devices, transport: .context, deadline: deadline)
      let call = try CollectiveCall(communicator)
      try await call.run(.allGather)
      try await communicator.finish()
      // A command that never ends, at first.
      let context = devices[stuck].context
      var code: cl_int = 0
      let handle = try #require(clCreateUserEvent(context.handle, &code))
      devices[stuck].follow([Event(handle: handle, device: devices[stuck].device, queue: -1)])
      try devices[stuck].fill(devices[stuck].allocate(byteCount: 4), at: 0, byteCount: 4, with: 0)
      for operation in [CollectiveOperation.allReduce, .broadcast, .reduceScatter, .barrier] {
        try await call.run(operation, root: (stuck + 1) % 3)
      }
      let failure = try await failsInTime(deadline) { try await communicator.finish() }
      #expect(failure.rank == stuck && failure.operation == .allReduce && failure.sequence == 2, "\(failure)")
      #expect(failure.collective?.absentRanks == [stuck])
      #expect(failure.undrainedRanks.contains(stuck))
      #expect(failure.recent.map(\.state) == [.done, .enqueued, .enqueued, .enqueued, .enqueued])
      await #expect(throws: CollectiveError.broken(by: failure.summary)) { try await call.run(.allReduce) }

      // The queues of the others wait too; new ones see the same memory.
      let rest = try devices.enumerated().filter { $0.offset != stuck }.map { try $0.element.reopened() }
      let kept = (0..<3).filter { $0 != stuck }.map { call.inputs[$0] }
      let next = try Communicator(devices: rest, transport: .context)
      let outputs = try rest.map { Reduction.Operand(try $0.allocate(byteCount: 4 * 18)) }
      try await next.allReduce(kept, into: outputs, count: 18)
      for (device, output) in zip(rest, outputs) {
        #expect(try await device.download(output.memory) == CollectiveCall.values(18).map { 2 * $0 })
      }
      // Let go, all of it ends.
      clSetUserEventStatus(handle, CL_COMPLETE)
      for device in devices { try await device.finish() }
      #expect(communicator.recorder.entries.allSatisfy { $0.state == .done })
    }
  }

  @Test("are long by default, and may be anything")
  func values() async throws {
    let devices = try TestDevices.ranks(2, .host)
    #expect(try Communicator(devices: devices).deadline == .seconds(60))
    for deadline in [Duration.seconds(-1), .zero, .seconds(Int64.max)] {
      let communicator = try Communicator(devices: devices, deadline: deadline)
      #expect(communicator.deadline >= .zero)
      do { try await communicator.barrier() } catch { #expect(error is CollectiveFailure) }
    }
  }

  @Test("leave nothing behind of waits that end before")
  func manyWaits() async throws {
    let communicator = try Communicator(devices: TestDevices.ranks(2, .host))
    for _ in 0..<1000 { try await communicator.finish() }
  }

  /// Runs `body`, which must fail after the deadline and soon: within half a second on an idle machine, but here other
  /// suites run too.
  private func failsInTime(
    _ deadline: Duration = deadline, _ body: () async throws -> Void
  ) async throws -> CollectiveFailure {
    let start = ContinuousClock.now
    let failure = try #require(await #expect(throws: CollectiveFailure.self) { try await body() })
    let taken = start.duration(to: .now)
    #expect(taken >= deadline && taken < deadline + .seconds(5), "\(taken)")
    return failure
  }
}
