// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import TestSupport
import Testing

@Suite("programs and kernels") struct ProgramTests {
  static let source = """
    __kernel void scale(__global int *x, int factor, float add, long shift, __local int *scratch) {
      scratch[0] = x[get_global_id(0)] * factor + (int)add;
      x[get_global_id(0)] = scratch[0] << shift;
    }
    """
  let device: Device
  let context: Context
  let queue: Queue

  init() throws {
    device = try #require(try TestDevices.firstDevice())
    context = try Context(devices: [device])
    queue = try Queue(context: context, device: device)
  }

  private func run(_ program: Program) throws -> [Int32] {
    let kernel = try Kernel(program: program, name: "scale")
    let buffer = try Buffer(context: context, byteCount: 16)
    var values: [Int32] = [1, 2, 3, 4]
    try values.withUnsafeMutableBytes {
      let base = try #require($0.baseAddress)
      _ = try queue.write(base, byteCount: 16, to: buffer)
      _ = try kernel.launch(
        on: queue, size: LaunchSize(global: [4], local: [1]),
        arguments: [.buffer(buffer), .int(10), .float(1), .long(1), .local(byteCount: 4)])
      _ = try queue.read(buffer, byteCount: 16, into: base)
      try queue.finishBlocking()
    }
    return values
  }

  @Test("kernels take every kind of argument") func arguments() throws {
    let program = try Program(context: context, device: device, source: Self.source)
    #expect(try run(program) == [22, 42, 62, 82])
    #expect(try Kernel(program: program, name: "scale").maximumWorkGroupSize >= 1)
  }

  @Test("a binary loads again and computes the same") func binaries() throws {
    let program = try Program(context: context, device: device, source: Self.source)
    let binary = try program.binary()
    #expect(!binary.isEmpty)
    #expect(try run(Program(context: context, device: device, binary: binary)) == [22, 42, 62, 82])
  }

  @Test("a damaged binary is an error, not a program", arguments: [0, 1, 40]) func damagedBinary(length: Int) throws {
    #expect(throws: OpenCLError.self) {
      try Program(context: context, device: device, binary: [UInt8](repeating: 0x5a, count: length))
    }
  }

  @Test("a source that does not compile gives the log, the device and the options") func buildLog() throws {
    let error = #expect(throws: OpenCLError.self) {
      try Program(context: context, device: device, source: "__kernel void f() { nonsense }", options: "-DX=1")
    }
    #expect(error?.status == .buildProgramFailure)
    #expect(error?.device == device.name)
    let text = error?.description ?? ""
    #expect(text.contains("clBuildProgram") && text.contains("CL_BUILD_PROGRAM_FAILURE (-11)"))
    #expect(text.contains("nonsense") && text.contains("-DX=1"))
  }

  @Test("a missing function is an error with its name") func missingFunction() throws {
    let program = try Program(context: context, device: device, source: Self.source)
    let error = #expect(throws: OpenCLError.self) { try Kernel(program: program, name: "absent") }
    #expect(error?.description.contains("function absent") == true)
  }

  @Test("a wrong argument names kernel and index; no work-items run nothing") func launchEdges() throws {
    let kernel = try Kernel(program: Program(context: context, device: device, source: Self.source), name: "scale")
    let error = #expect(throws: OpenCLError.self) {
      try kernel.launch(on: queue, size: LaunchSize(global: [1]), arguments: [.int(1), .long(5)])
    }
    #expect(error?.description.contains("kernel scale, argument") == true)
    try kernel.launch(on: queue, size: LaunchSize(global: [0, 4]), arguments: []).waitBlocking()
  }
}
