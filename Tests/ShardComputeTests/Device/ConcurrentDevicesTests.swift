// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute
import TestSupport
import Testing

@Suite("devices of one context") struct ConcurrentDevicesTests {
  @Test("compute at the same time without disturbing each other", arguments: 0..<6)
  func sameTime(round: Int) async throws {
    let whole = try #require(try TestDevices.firstDevice())
    let parts = try whole.partition(into: min(8, whole.computeUnits))
    let context = try Context(devices: parts)
    let devices = try parts.map {
      try OpenCLDevice(selector: "part", device: $0, context: context, cache: ProgramCache())
    }
    for (m, n, k) in [(9, 33, 128), (13, 16, 96), (31, 37, 257)] {
      let problem = ProductProblem(m: m, n: n, k: k, elementType: ElementType.allCases[round % 3])
      let (a, w, c) = problem.operands(seed: UInt64(round), exact: false)
      let expected = problem.reference(a, w, c).map(\.bitPattern)
      try await withThrowingTaskGroup { group in
        for (index, device) in devices.enumerated() {
          group.addTask { (index, try await problem.run(on: device, a, w, c)) }
        }
        for try await (index, run) in group {
          let wrong = zip(run.result, expected).enumerated().filter { $1.0.bitPattern != $1.1 }.map(\.offset)
          #expect(wrong.isEmpty, "device \(index), \(problem), wrong \(wrong.count): \(wrong.prefix(40))")
        }
      }
    }
  }
}
