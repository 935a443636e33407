// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import ShardCompute
import TestSupport
import Testing

@Suite("program cache") final class ProgramCacheTests: Sendable {
  static let source = "__kernel void one(__global int *x) { *x = VALUE; }"
  let folder = FileManager.default.temporaryDirectory.appending(path: "shardcl-\(UUID())", directoryHint: .isDirectory)
  let device: Device
  let context: Context

  init() throws {
    device = try #require(try TestDevices.firstDevice())
    context = try Context(devices: [device])
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// What the program of `cache` computes, which shows whether it is the right one.
  private func value(_ cache: ProgramCache, _ value: Int32 = 7) throws -> Int32 {
    let program = try cache.program(
      context: context, device: device, source: Self.source, options: "-DVALUE=\(value)")
    let queue = try Queue(context: context, device: device)
    let buffer = try Buffer(context: context, byteCount: 4)
    try Kernel(program: program, name: "one").launch(
      on: queue, size: LaunchSize(global: [1]), arguments: [.buffer(buffer)])
    var result: Int32 = 0
    try withUnsafeMutableBytes(of: &result) {
      _ = try queue.read(buffer, byteCount: 4, into: try #require($0.baseAddress))
      try queue.finishBlocking()
    }
    return result
  }

  private func counts(_ cache: ProgramCache) -> [Int] {
    [cache.counts.hits, cache.counts.misses, cache.counts.rebuilt, cache.counts.unwritten]
  }

  private var entries: [URL] {
    get throws { try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) }
  }

  @Test("keeps programs by source and options, for the next process too") func keeps() throws {
    let first = ProgramCache(folder: folder)
    #expect(try value(first) == 7)
    #expect(try value(first, 8) == 8)
    #expect(counts(first) == [0, 2, 0, 0])
    #expect(try entries.count == 2)
    let second = ProgramCache(folder: folder)
    #expect(try value(second) == 7)
    #expect(try value(second, 8) == 8)
    #expect(counts(second) == [2, 0, 0, 0])
  }

  @Test("keeps the programs of parts of a device") func parts() throws {
    let parts = try device.partition(into: min(2, device.computeUnits))
    let context = try Context(devices: parts)
    for run in 0..<2 {
      for part in parts {
        let cache = ProgramCache(folder: folder)
        _ = try cache.program(context: context, device: part, source: Self.source, options: "-DVALUE=1")
        #expect(cache.counts.unwritten == 0)
        if run == 1 { #expect(counts(cache) == [1, 0, 0, 0]) }
      }
    }
  }

  @Test("rebuilds an entry that is cut at any length") func truncated() throws {
    _ = try value(ProgramCache(folder: folder))
    let file = try #require(try entries.first)
    let whole = try Data(contentsOf: file)
    for length in [0, 1, 17, 25, 100, whole.count / 2, whole.count - 1] {
      try whole.prefix(length).write(to: file)
      let cache = ProgramCache(folder: folder)
      #expect(try value(cache) == 7, "cut at \(length)")
      #expect(cache.counts.rebuilt == 1, "cut at \(length)")
      #expect(try Data(contentsOf: file).count >= whole.count / 2, "the entry is replaced")
    }
  }

  @Test("rebuilds an entry with any damaged byte") func damaged() throws {
    _ = try value(ProgramCache(folder: folder))
    let file = try #require(try entries.first)
    let whole = try Data(contentsOf: file)
    for position in stride(from: 0, to: whole.count, by: max(1, whole.count / 16)) {
      var bytes = whole
      bytes[position] ^= 0x10
      try bytes.write(to: file)
      let cache = ProgramCache(folder: folder)
      #expect(try value(cache) == 7, "byte \(position)")
      #expect(cache.counts.rebuilt == 1, "byte \(position)")
    }
  }

  @Test("an entry of another program under the same name is a miss, not a wrong result") func foreign() throws {
    let cache = ProgramCache(folder: folder)
    _ = try value(cache, 7)
    let seven = try #require(try entries.first)
    _ = try value(cache, 8)
    let eight = try #require(try entries.first { $0.lastPathComponent != seven.lastPathComponent })
    try Data(contentsOf: seven).write(to: eight)
    let next = ProgramCache(folder: folder)
    #expect(try value(next, 8) == 8)
    #expect(next.counts.rebuilt == 1)
  }

  @Test("a folder that cannot be written costs speed only") func unwritable() throws {
    let file = folder.appendingPathExtension("file")
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let cache = ProgramCache(folder: file.appending(path: "below"))
    #expect(try value(cache) == 7)
    #expect(cache.counts.unwritten == 1)
  }

  @Test("many writers share the folder") func shared() async throws {
    try await withThrowingTaskGroup { group in
      for _ in 0..<8 { group.addTask { try self.value(ProgramCache(folder: self.folder)) } }
      for try await value in group { #expect(value == 7) }
    }
    #expect(try entries.count == 1)
  }

  @Test("a source that does not build throws the log and stores nothing") func broken() throws {
    let error = #expect(throws: OpenCLError.self) {
      try ProgramCache(folder: folder).program(context: context, device: device, source: "nonsense", options: "")
    }
    #expect(error?.status == .buildProgramFailure)
    #expect(!FileManager.default.fileExists(atPath: folder.path()))
  }
}
