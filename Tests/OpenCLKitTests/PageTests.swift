// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import Testing

@Suite("the module's page") struct PageTests {
  @Test("its lines run") func lines() async throws {
    var answers: [Float] = []
    for device in try Platform.all().flatMap({ try $0.devices() }) {
      let context = try Context(devices: [device])
      let queue = try Queue(context: context, device: device)
      let source = "__kernel void twice(__global float *x) { x[get_global_id(0)] *= 2; }"
      let kernel = try Kernel(program: Program(context: context, device: device, source: source), name: "twice")
      let buffer = try Buffer(context: context, byteCount: 4096)
      try queue.fill(buffer, byteCount: 4096, with: Float(21))
      try kernel.launch(on: queue, size: LaunchSize(global: [1024]), arguments: [.buffer(buffer)])
      let mapping = try queue.map(buffer, byteCount: 4096, for: .read)
      try queue.flush()
      try await EventWaiter(name: "example").wait(for: mapping.ready)
      answers.append(mapping.bytes.load(as: Float.self))
      try queue.unmap(mapping)
    }
    #expect(!answers.isEmpty && answers.allSatisfy { $0 == 42 })
  }
}
