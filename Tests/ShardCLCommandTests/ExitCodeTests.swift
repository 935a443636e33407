// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import ShardCL
import ShardCollectives
import ShardCompute
import ShardModels
import TestSupport
import Testing

@testable import ShardCLCommand

@Suite("exit codes") struct ExitCodeTests {
  @Test(
    "are 64 for a request that is wrong",
    arguments: [
      ["bench", "matmul", "--shape", "1x2"], ["bench", "matmul", "--shape", "0x-1x2"], ["bench", "--frobnicate"],
      ["bench", "matmul", "--devices", "gpux"], ["bench", "matmul", "--devices", "host/0"],
      ["bench", "matmul", "--dtype", "f64"], ["bench", "matmul", "--arithmetic", "exact"],
      ["bench", "matmul", "--layout", "diagonal"],
      ["bench", "matmul", "--devices", "host", "--seconds", "-1"], ["bench", "matmul", "--repeat", "0"],
      ["bench", "matmul", "--rows", "5"], ["bench", "matmul", "--model", "a", "--shape", "1x1x1"],
      ["bench", "attention", "--window", "0"], ["bench", "attention", "--heads", "8/3x64"],
      ["bench", "attention", "--shape", "8x4"], ["bench", "attention", "--window", "4", "--no-causal"],
      ["bench", "attention", "--kv", "q4_0"], ["bench", "attention", "--heads", "4/2x16", "--kv", "q8_0"],
      ["bench", "layer", "--layer", "gpt-nothing"],
      ["bench", "layer", "--shape", "8x4"], ["bench", "layer", "--layer", "qwen2.5-0.5b", "--dtype", "q4_k"],
      ["bench", "layer", "--sequences", "0"], ["verify", "--devices", "host", "--case", "nothing/like/this"],
      ["nonsense"],
    ])
  func usage(arguments: [String]) throws {
    let run = try Program.run(arguments)
    #expect(run.status == 64, "\(arguments): \(run.errors)")
    #expect(run.output.isEmpty)
    #expect(!run.errors.isEmpty)
  }

  @Test("are 64 for more parts than a device has units", .enabled(if: TestDevices.kinds.contains(.context)))
  func tooManyParts() throws {
    let run = try Program.run("bench", "matmul", "--devices", "cpu/200", "--shape", "8x8x8")
    #expect(run.status == 64)
    #expect(run.errors.contains("cpu/200 asks for 200 parts"))
  }

  @Test("are 69 where there is no such device, with what there is")
  func noSuchDevice() throws {
    let run = try Program.run("bench", "matmul", "--devices", "nowhere:3", "--shape", "8x8x8")
    #expect(run.status == 69)
    #expect(run.output.isEmpty)
  }

  @Test("are 69 without a driver, and the message says what to install")
  func noDriver() throws {
    let run = try Program.run("bench", "matmul", "--devices", "cpu", environment: Program.noDriver)
    #expect(run.status == 69)
    #expect(run.errors.contains("apt install"))
    #expect(run.errors.contains("host"))
  }

  @Test("are 65 for a malformed model")
  func malformedModel() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).gguf")
    try Data("GGUF\u{3}\0\0\0\u{ff}".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let run = try Program.run("bench", "matmul", "--devices", "host", "--model", file.path)
    #expect(run.status == 65)
    #expect(run.errors.contains(file.path))
  }

  @Test("are 0 for help and version, which go to standard output", arguments: ["--help", "--version"])
  func help(argument: String) throws {
    let run = try Program.run(argument)
    #expect(run.status == 0)
    #expect(!run.output.isEmpty)
    #expect(run.errors.isEmpty)
  }

  @Test("follow from the type of the error")
  func mapping() {
    let file = ModelFileError(.malformed, file: "f", field: "x", value: "1", limit: "0")
    let request = ModelFileError(.invalidRequest, file: "f", field: "x", value: "1", limit: "0")
    let errors: [(any Error, Status)] = [
      (DeviceError.noDevices, .unavailable), (DeviceError.noSuchDevice(selector: "x", available: []), .unavailable),
      (DeviceError.tooManyParts(selector: "x", parts: 9, device: "d", limit: 2), .usage),
      (ShardingError.shapeMismatch(""), .usage), (file, .data), (request, .usage),
      (ComputeError.allocationTooLarge(byteCount: 9, limit: 1, device: "d"), .unavailable),
      (ComputeError.tuningFile(file: "f", field: "x", reason: "is 1"), .data),
      (ComputeError.outOfBounds(""), .software), (CollectiveError.noRanks, .software),
      (CollectiveError.transport(.context, devices: ["d"]), .usage),
      (OpenCLError(call: "clFinish", status: .invalidValue), .unavailable), (CancellationError(), .software),
      (CocoaError(.fileNoSuchFile), .software),
    ]
    for (error, status) in errors { #expect(Failure.status(of: error) == status, "\(error)") }
  }
}
