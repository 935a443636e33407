// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import TestSupport
import Testing

@testable import ShardCompute

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

  @Test("a first use compiles on a thread of its own, and a synchronous one says what is missing")
  func firstUse() async throws {
    let device = try #require(try TestDevices.openCL())
    let problem = ProductProblem(m: 40, n: 40, k: 40)
    let (a, w, c) = problem.operands(seed: 1, exact: true)
    let weight = try device.makeWeight(HostMemory(w), rows: 40, order: problem.order, format: .f32)
    let result = try device.upload(c)
    let product = try Product(
      MatrixView(device.upload(a), rows: 40, columns: 40), weight, into: MatrixView(result, rows: 40, columns: 40))
    #expect(throws: MissingKernel.self) {
      try KernelLibrary.$mayBuild.withValue(false) { try device.multiply(product) }
    }
    try await device.enqueue { try device.multiply(product) }
    try KernelLibrary.$mayBuild.withValue(false) { try device.multiply(product) }
    #expect(try await device.download(result) == problem.reference(a, w, c))
  }
}
