// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// Runs the program over the fault layer. One call of it fails, is late or never ends: what comes back is a right result
/// or a typed error, in time.
@Suite("faults of a driver", .enabled(if: TestDevices.kinds.contains(.context)), .timeLimit(.minutes(5)))
struct FaultTests {
  private let layer: FaultLayer
  /// Three ranks of one context: packing, products, collectives, copies to the host.
  private static let product = [
    "bench", "matmul", "--devices", "cpu/3", "--shape", "8x192x192", "--layout", "row", "--seconds", "0", "--repeat",
    "1", "--deadline", "20",
  ]

  init() throws { layer = try FaultLayer.shared.get() }

  /// Calls where the program has another way: a cached binary is compiled again, memory is let go of later, and what
  /// fails as the process ends is nobody's.
  private static let recoverable: Set = [
    "clBuildProgram", "clCreateProgramWithBinary", "clGetEventInfo", "clGetProgramInfo", "clFlush",
  ]

  @Test("leave no objects, whatever ran, and no two threads set arguments of one kernel")
  func counts() throws {
    for arguments in [
      Self.product,
      ["verify", "--small", "--devices", "cpu/3", "--case", "collective"],
      ["bench", "layer", "--devices", "cpu/2", "--layer", "qwen2.5-0.5b", "--shape", "1x16", "--repeat", "1"],
    ] {
      let (run, report) = try run(arguments)
      #expect(run.status == 0, "\(arguments): \(run.errors)")
      #expect((report?.created["mem"] ?? 0) > 0 && (report?.created["event"] ?? 0) > 0)
      #expect(report?.live.allSatisfy { $0.value == 0 } == true, "\(arguments): \(report?.live ?? [:])")
      #expect(report?.argumentRaces == 0)
    }
  }

  @Test("are errors with call and device, whichever call fails on whichever rank")
  func everyCall() throws {
    // Compiled now, so that all the runs that follow make the same calls.
    _ = try run(Self.product)
    let (sound, counted) = try run(Self.product)
    #expect(sound.status == 0)
    let calls = try #require(counted).calls
    #expect(calls.count > 15)
    for (call, queues) in calls.sorted(by: { $0.key < $1.key }) {
      for (queue, count) in queues.sorted(by: { $0.key < $1.key }) {
        // Every rank's first, and one in the middle of the work, of another rank for each call.
        let numbers = queue < 0 || queue == call.utf8.count % 3 ? [1, max(1, count / 2)] : [max(1, count / 2)]
        for number in Set(numbers) {
          try check(FaultLayer.Fault(call, number: number, queue: queue < 0 ? nil : queue))
        }
      }
    }
  }

  @Test("are errors for codes that no list has, and where every later call fails too")
  func statuses() throws {
    for fault in [
      FaultLayer.Fault("clEnqueueNDRangeKernel", number: 20, queue: 1, status: -9999),
      FaultLayer.Fault("clEnqueueNDRangeKernel", number: 10, queue: 2, isLasting: true),
      FaultLayer.Fault("clEnqueueMarkerWithWaitList", number: 30, queue: 0, status: -6, isLasting: true),
      FaultLayer.Fault("clWaitForEvents", number: 20, queue: 1, status: -14, isLasting: true),
      FaultLayer.Fault("clCreateBuffer", number: 20, status: -4, isLasting: true),
    ] { try check(fault) }
  }

  @Test("fail one case of verify, and no other")
  func verify() throws {
    for (call, number) in [("clEnqueueNDRangeKernel", 303), ("clEnqueueUnmapMemObject", 663)] {
      let (run, report) = try run(
        ["verify", "--small", "--devices", "cpu/3", "--case", "collective"],
        FaultLayer.Fault(call, number: number, queue: 1))
      #expect(run.status == 1 && report?.struck == 1)
      #expect(run.errors.components(separatedBy: "failed: collective/").count == 2, "\(run.errors)")
      #expect(run.errors.contains("\(call) failed on "))
    }
  }

  @Test("that make a command late change nothing")
  func late() throws {
    for queue in 0..<3 {
      let fault = FaultLayer.Fault("clEnqueueNDRangeKernel", number: 12, queue: queue, delayMilliseconds: 200)
      let (run, report) = try run(Self.product, fault)
      #expect(run.status == 0, "\(fault): \(run.errors)")
      #expect(report?.struck == 1)
    }
  }

  @Test("that hang a rank end at the deadline, and the error names the rank")
  func hang() throws {
    for queue in 0..<3 {
      let fault = FaultLayer.Fault("clEnqueueNDRangeKernel", number: 12, queue: queue, delayMilliseconds: -1)
      let start = ContinuousClock.now
      let (run, report) = try run(Array(Self.product.dropLast()) + ["2"], fault)
      #expect(start.duration(to: .now) < .seconds(30))
      #expect(run.status == 69, "\(fault): \(run.errors)")
      #expect(report?.struck == 1)
      #expect(
        run.errors.contains("shardcl: rank \(queue), ") && run.errors.contains("not done within"), "\(run.errors)")
    }
  }

  @Test("are refused before work where a device claims to allocate next to nothing")
  func limits() throws {
    let (run, _) = try run(Self.product, settings: ["FAULT_MAX_ALLOC": "4096"])
    #expect(run.status == 0 || (run.status == 69 && run.errors.contains("at most 4096 bytes")), "\(run.errors)")
  }

  private func check(_ fault: FaultLayer.Fault) throws {
    let (run, report) = try run(Self.product, fault)
    let words = fault.description.split(separator: " ")
    let call = String(words[0])
    // The number of waits differs from run to run; what was not disturbed must be right.
    if report?.struck == 0 || (Self.recoverable.contains(call) && run.status == 0) {
      #expect(run.status == 0, "\(fault): \(run.errors)")
      return
    }
    #expect(run.status == 69 || run.status == 70, "\(fault): status \(run.status), \(run.errors)")
    #expect(run.errors.contains("\(call) failed"), "\(fault): \(run.errors)")
    if words.count > 2 { #expect(run.errors.contains("\(call) failed on "), "\(fault): \(run.errors)") }
  }

  private func run(
    _ arguments: [String], _ fault: FaultLayer.Fault? = nil, settings: [String: String] = [:]
  ) throws -> (run: Program.Run, report: FaultLayer.Report?) {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).faults")
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Program.run(arguments, environment: layer.environment(fault, report: file, settings: settings))
    return (run, try? FaultLayer.Report(file))
  }
}
