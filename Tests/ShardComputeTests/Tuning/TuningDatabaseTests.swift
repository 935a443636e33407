// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import TestSupport
import Testing

@testable import ShardCompute

@Suite("tuning database") struct TuningDatabaseTests {
  static let device = TuningFileTests.device
  static let shape = ShapeClass(m: 4, n: 256, k: 128, format: .f32)

  static func entry(_ panels: Int, kernel: String = "gemv/panels", format: String = "f32") -> TuningEntry {
    let values = ParameterValues([
      "rows": .integer(4), "panels": .integer(panels), "prefetchB": .integer(32),
    ])
    return TuningEntry(
      kernel: kernel, ShapeClass(m: 4, n: 256, k: 128, format: WeightFormat(rawValue: format) ?? .f32), values,
      gflops: 2, formulaGFLOPS: 1, date: "2026-01-31")
  }

  @Test("lies where the environment says") func environment() {
    func path(_ environment: [String: String]) -> String? { TuningDatabase(environment: environment).folder?.path }
    #expect(path(["XDG_CONFIG_HOME": "/a"]) == "/a/shardcl/tuning")
    #expect(path(["XDG_CONFIG_HOME": "a"])?.hasSuffix("/.config/shardcl/tuning") == true)
    #expect(path([:])?.hasSuffix("/.config/shardcl/tuning") == true)
    #expect(path(["XDG_CONFIG_HOME": "/a", "SHARDCL_TUNING": "/b"]) == "/b")
    #expect(path(["XDG_CONFIG_HOME": "/a", "SHARDCL_TUNING": ""]) == "/a/shardcl/tuning")
    #expect(path(["SHARDCL_TUNING": "off"]) == nil)
  }

  @Test("keeps one entry for each key, and replaces or removes it") func storing() throws {
    try withFolder { folder in
      let database = TuningDatabase(folder: folder)
      let key = Self.entry(1).key
      let file = try #require(database.file(for: Self.device))
      #expect(try database.store(nil, for: key, on: Self.device) == nil)
      #expect(!FileManager.default.fileExists(atPath: file.path))
      let other = Self.entry(3, kernel: "gemm/packed")
      try database.store(other, for: other.key, on: Self.device)
      #expect(try database.store(Self.entry(1), for: key, on: Self.device) == file)
      #expect(try database.store(Self.entry(2), for: key, on: Self.device) == file)
      #expect(try Self.entries(file) == [other, Self.entry(2)])
      #expect(try database.store(Self.entry(2), for: key, on: Self.device) == nil)
      try database.store(nil, for: key, on: Self.device)
      #expect(try Self.entries(file) == [other])
      // Nothing is left of files that were written beside it.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [file.lastPathComponent])
    }
  }

  @Test("that is off has nothing, and keeps nothing") func off() throws {
    let database = TuningDatabase(folder: nil)
    #expect(try database.table(for: Self.device).device == nil)
    #expect(throws: ComputeError.self) {
      try database.store(Self.entry(1), for: Self.entry(1).key, on: Self.device)
    }
  }

  @Test("refuses a file that it cannot read, with its name") func unreadable() throws {
    try withFolder { folder in
      let database = TuningDatabase(folder: folder)
      let file = try #require(database.file(for: Self.device))
      try Data("{".utf8).write(to: file)
      let error = #expect(throws: ComputeError.self) { try database.table(for: Self.device) }
      #expect(error?.description.hasPrefix("\(file.path): ") == true)
      // What is there is never overwritten.
      #expect(throws: ComputeError.self) {
        try database.store(Self.entry(1), for: Self.entry(1).key, on: Self.device)
      }
      #expect(try Data(contentsOf: file) == Data("{".utf8))
      try FileManager.default.removeItem(at: file)
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
      #expect(throws: ComputeError.self) { try database.table(for: Self.device) }
    }
  }

  @Test("passes over what it does not know, and says so") func unknown() {
    let misspelt = TuningEntry(
      kernel: "gemv/panels", Self.shape, ParameterValues(["rows": .integer(4), "panel": .integer(1)]), gflops: 1,
      formulaGFLOPS: 1, date: "")
    let added = TuningEntry(
      kernel: "gemv/panels", ShapeClass(m: 8, n: 64, k: 64, format: .f32),
      ParameterValues(Self.entry(1).parameters.values.merging(["size": .integer(1)]) { $1 }), gflops: 1,
      formulaGFLOPS: 1, date: "")
    let word = TuningEntry(
      kernel: "gemv/panels", ShapeClass(m: 1, n: 64, k: 64, format: .f32),
      ParameterValues(Self.entry(1).parameters.values.merging(["rows": .word("4")]) { $1 }), gflops: 1,
      formulaGFLOPS: 1, date: "")
    let file = TuningFile(device: Self.device, entries: [misspelt, added, word, Self.entry(1, kernel: "gemm/magic")])
    let skipped = TuningTable(user: file, shipped: [], device: Self.device).skipped
    #expect(skipped.count == 4)
    #expect(skipped[0].contains("the parameter panels is missing"), "\(skipped)")
    #expect(skipped[1].contains("there is no parameter size"), "\(skipped)")
    #expect(skipped[2].contains("the parameter rows has a value of the wrong type"), "\(skipped)")
    #expect(skipped[3].contains("there is no kernel gemm/magic"), "\(skipped)")
    let elsewhere = TuningFile(device: TunedDevice(name: "another"), entries: [Self.entry(1)])
    #expect(TuningTable(user: elsewhere, shipped: [], device: Self.device).skipped.first?.contains("another") == true)
  }

  @Test(
    "puts the user's entries before those that ship, these before the formula",
    .enabled(if: TestDevices.kinds.contains(.context)))
  func precedence() throws {
    let product = try RandomProduct(m: 3, n: 200, k: 100, .f32, seed: 1).product(
      on: #require(try TestDevices.openCL(.cpu)))
    func found(_ user: TuningEntry?, _ shipped: TuningEntry?) -> [ParameterOrigin] {
      TuningTable(
        user: user.map { TuningFile(device: Self.device, entries: [$0]) },
        shipped: shipped.map { [TuningFile(device: TunedDevice(name: "*"), entries: [$0])] } ?? [],
        device: Self.device
      ).parameters(of: GEMV.Panels.self, for: product).map(\.origin)
    }
    #expect(found(nil, nil) == [])
    #expect(found(nil, Self.entry(2)) == [.shipped])
    #expect(found(Self.entry(1), Self.entry(2)) == [.tuned, .shipped])
    #expect(found(Self.entry(1, kernel: "gemm/packed"), nil) == [])
    #expect(found(Self.entry(1, format: "f16"), nil) == [])
  }

  private static func entries(_ file: URL) throws -> [TuningEntry] {
    try TuningFile(parsing: Data(contentsOf: file), file: file.path).entries
  }
}

/// A new folder, for as long as `body` runs.
func withFolder<R>(_ body: (URL) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
