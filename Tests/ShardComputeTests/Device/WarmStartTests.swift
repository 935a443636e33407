// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import ShardCompute
import TestSupport
import Testing

@Suite("warm start") struct WarmStartTests {
  @Test("every kernel of a product comes from the cache") func fromCache() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "shardcl-\(UUID())", directoryHint: .isDirectory)
    defer { try? FileManager.default.removeItem(at: folder) }
    let device = try #require(try TestDevices.firstDevice())
    for run in 0..<3 {
      let cache = ProgramCache(folder: folder)
      let opened = try OpenCLDevice(
        selector: "test", device: device, context: Context(devices: [device]), cache: cache)
      for m in [1, 40] {
        let problem = ProductProblem(m: m, n: 40, k: 40)
        let (a, w, c) = problem.operands(seed: 1, exact: true)
        _ = try await problem.run(on: opened, a, w, c)
      }
      guard run > 0 else { continue }
      #expect(cache.counts.misses == 0 && cache.counts.rebuilt == 0 && cache.counts.hits > 0)
    }
  }
}
