// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import ShardModels

@Suite("no file ends the process") struct NoTrapTests {
  @Test("malformed GGUF files are survived") func gguf() async {
    await #expect(processExitsWith: .success) {
      for file in MalformedGGUF.all { #expect(throws: ModelFileError.self) { try file.tryOut() } }
    }
  }

  @Test("malformed safetensors files are survived") func safeTensors() async {
    await #expect(processExitsWith: .success) {
      for file in MalformedSafeTensors.all { #expect(throws: ModelFileError.self) { try file.tryOut() } }
    }
  }

  #if os(Linux)
    @Test("lying counts reserve no memory") func memory() async {
      await #expect(processExitsWith: .success) {
        let files = MalformedGGUF.all + MalformedSafeTensors.all
        let before = try NoTrapTests.peakAddressSpace()
        for file in files { try? file.tryOut() }
        let grown = try NoTrapTests.peakAddressSpace() - before
        #expect(grown < 256 << 20, "the address space grew by \(grown) bytes")
      }
    }

    /// The most address space that this process has had, in bytes.
    static func peakAddressSpace() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
      return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) << 10
    }
  #endif

  @Test("mutated files are survived", .timeLimit(.minutes(20)), arguments: FuzzSeed.fixedAndFresh)
  func fuzz(seed: FuzzSeed) async {
    await #expect(processExitsWith: .success) { [seed] in
      var mutator = Mutator(seed: seed)
      let folder = try TemporaryFolder()
      try folder.write(
        "config.json", Array("{\"num_hidden_layers\":2,\"hidden_size\":8,\"num_attention_heads\":2}".utf8))
      for round in 0..<3000 {
        let (name, bytes) = mutator.next()
        let path = try folder.write(name, bytes)
        do {
          try NoTrapTests.readEverything(path)
        } catch is ModelFileError {
          continue
        } catch {
          Issue.record("round \(round) of seed \(seed.value) threw \(error)")
        }
      }
    }
  }

  /// Asks an opened file for all that it has.
  static func readEverything(_ path: String) throws {
    let model = try ModelFile.open(path)
    if case .gguf(let metadata) = model.format {
      for key in metadata.keys {
        _ = try? metadata.integer(key)
        _ = try? metadata.number(key)
        _ = try? metadata.string(key)
        _ = try? metadata.boolean(key)
        guard let array = try? metadata.array(key) else { continue }
        _ = try? array.integers()
        _ = try? array.numbers()
        _ = try? array.strings()
        _ = try? array.arrays()
      }
    }
    for tensor in model.tensors {
      _ = try? tensor.dequantised()
      _ = try? tensor.withBytes(rows: 0..<tensor.rows) { $0.reduce(0, &+) }
    }
    _ = try model.linearLayers()
  }
}

/// A seed that a failing test prints; `SHARDCL_TEST_SEED` repeats it.
struct FuzzSeed: Codable, Sendable, CustomTestStringConvertible {
  let value: UInt64
  var testDescription: String { "seed \(value)" }

  static var fixedAndFresh: [FuzzSeed] {
    if let text = ProcessInfo.processInfo.environment["SHARDCL_TEST_SEED"], let value = UInt64(text) {
      return [FuzzSeed(value: value)]
    }
    return [1, 2, UInt64.random(in: 3 ... .max)].map(FuzzSeed.init)
  }
}

/// Makes valid files and breaks them in a few places.
struct Mutator {
  private var state: UInt64
  private let originals: [(name: String, bytes: [UInt8])]

  init(seed: FuzzSeed) {
    state = seed.value
    var rich = TinyModel.builder()
    rich.key(
      "texts", .array,
      GGUFValueType.string.rawValue.bytes + UInt64(2).bytes + ["one", "two"].flatMap(GGUFBuilder.string))
    rich.key(
      "nested", .array,
      GGUFValueType.array.rawValue.bytes + UInt64(1).bytes + GGUFValueType.uint8.rawValue.bytes + UInt64(3).bytes + [
        1, 2, 3,
      ])
    rich.key("general.alignment", 32)
    let entries = [
      "\"__metadata__\":{\"format\":\"pt\"}", SafeTensorsBuilder.entry("a", "[0,32]"),
      SafeTensorsBuilder.entry("b\\u00e0", "[32,38]", type: "BF16", shape: "[3]"),
    ]
    originals = [
      ("model.gguf", rich.bytes), ("model.gguf", GGUFBuilder.one([32, 2], type: 8)),
      ("model.safetensors", SafeTensorsBuilder.file("{\(entries.joined(separator: ","))}", data: 38)),
    ]
  }

  /// The next file.
  mutating func next() -> (name: String, bytes: [UInt8]) {
    var (name, bytes) = originals[below(originals.count)]
    for _ in 0...below(3) { mutate(&bytes) }
    return (name, bytes)
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    // Headers are short, and most of what can go wrong is there.
    let place = below(below(2) == 0 ? min(bytes.count, 200) : bytes.count)
    switch below(6) {
    case 0: bytes[place] = UInt8(truncatingIfNeeded: random())
    case 1: bytes[place] ^= 1 << UInt8(below(8))
    case 2:
      let values: [UInt64] = [
        0, 1, .max, 1 << 63, 1 << 60, 1 << 32, UInt64(bytes.count), UInt64(bytes.count) + 1, .max - 31, 1 << 62 - 1,
      ]
      let value = values[below(values.count)].bytes
      for (offset, byte) in value.prefix(bytes.count - place).enumerated() { bytes[place + offset] = byte }
    case 3: bytes.removeSubrange(place...)
    case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(16)))
    default:
      let slice = Array(bytes[place..<min(bytes.count, place + 1 + below(32))])
      bytes.insert(contentsOf: slice, at: below(bytes.count))
    }
  }

  private mutating func below(_ limit: Int) -> Int { Int(random() % UInt64(limit)) }

  /// SplitMix64.
  private mutating func random() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
