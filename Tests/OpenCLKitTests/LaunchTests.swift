// SPDX-License-Identifier: Apache-2.0
import Dispatch
import OpenCLKit
import TestSupport
import Testing

@Suite("launches") struct LaunchTests {
  let device: Device
  let context: Context

  init() throws {
    device = try #require(try TestDevices.firstDevice())
    context = try Context(devices: [device])
  }

  /// Each work-item writes 16 numbers at its place in the grid.
  static let numbers = """
    __kernel void numbers(__global int *x) {
      const size_t at = (get_global_id(2) * get_global_size(1) + get_global_id(1)) * get_global_size(0) + get_global_id(0);
      x += 16 * at;
      for (int d = 0; d < 3; d++) {
        x[d] = get_global_id(d);
        x[3 + d] = get_group_id(d);
        x[6 + d] = get_local_id(d);
        x[9 + d] = get_num_groups(d);
        x[12 + d] = get_local_size(d);
      }
    #if __OPENCL_C_VERSION__ >= 200
      x[15] = get_global_linear_id();
    #else
      x[15] = at;
    #endif
      x[15] += get_global_offset(0);
    }
    """

  @Test(
    "give every work-item its numbers",
    arguments: [
      ([6], [2]), ([7], []), ([1], [1]), ([6, 3], [2, 1]), ([4, 6], [1, 3]), ([3, 5], []), ([4, 6, 5], [2, 3, 1]),
      ([2, 2, 8], [1, 2, 4]), ([2, 3, 4], []),
    ] as [([Int], [Int])])
  func numbering(global: [Int], local: [Int]) throws {
    let queue = try Queue(context: context, device: device)
    let program = try Program(context: context, device: device, source: Self.numbers)
    let count = global.reduce(1, *)
    let buffer = try Buffer(context: context, byteCount: 64 * count)
    var found = [Int32](repeating: -1, count: 16 * count)
    try Kernel(program: program, name: "numbers").launch(
      on: queue, size: LaunchSize(global: global, local: local), arguments: [.buffer(buffer)])
    try found.withUnsafeMutableBytes {
      _ = try queue.read(buffer, byteCount: $0.count, into: try #require($0.baseAddress))
      try queue.finishBlocking()
    }
    let size = (0..<3).map { $0 < global.count ? global[$0] : 1 }
    for at in 0..<count {
      let item = Array(found[16 * at..<16 * at + 16].map(Int.init))
      let (groups, group) = (Array(item[9..<12]), Array(item[12..<15]))
      #expect(zip(groups, group).map { $0 * $1 } == size)
      if !local.isEmpty { #expect(group.prefix(local.count) == local[...]) }
      #expect(Array(item[0..<3]) == [at % size[0], at / size[0] % size[1], at / size[0] / size[1]])
      #expect((0..<3).allSatisfy { item[3 + $0] == item[$0] / group[$0] && item[6 + $0] == item[$0] % group[$0] })
      #expect(item[15] == at)
    }
  }

  @Test("of groups that do not fill the grid are errors with both sizes") func partialGroups() throws {
    let queue = try Queue(context: context, device: device)
    // OpenCL C 2.0 allows such groups.
    let program = try Program(context: context, device: device, source: Self.numbers, options: "-cl-std=CL1.2")
    let kernel = try Kernel(program: program, name: "numbers")
    let buffer = try Buffer(context: context, byteCount: 64 * 7)
    let error = #expect(throws: OpenCLError.self) {
      try kernel.launch(on: queue, size: LaunchSize(global: [7], local: [2]), arguments: [.buffer(buffer)])
    }
    #expect(error?.description.contains("global [7], local [2]") == true)
  }

  /// PoCL ended the process here: its cache of loaded kernels counted down the wrong entry.
  @Test("of one kernel in many sizes run side by side", .timeLimit(.minutes(5))) func manySizes() throws {
    let source = """
      __kernel void spin(__global float *x, int count) {
        x += get_global_id(0) + get_global_id(1);
        for (int i = 0; i < count; i++) *x = *x * 1.5f + 1;
      }
      """
    for round in 0..<8 {
      let program = try Program(context: context, device: device, source: source, options: "-DROUND=\(round)")
      DispatchQueue.concurrentPerform(iterations: 8) { index in
        do {
          let queue = try Queue(context: context, device: device)
          let kernel = try Kernel(program: program, name: "spin")
          let buffer = try Buffer(context: context, byteCount: 1 << 12)
          var random = SystemRandomNumberGenerator()
          for launch in 0..<120 {
            let width = Int.random(in: 1...8 + 3 * launch, using: &random)
            let count = Int32.random(in: 0...20000, using: &random)
            let size = index.isMultiple(of: 2) ? [width] : [1, width]
            try kernel.launch(
              on: queue, size: LaunchSize(global: size, local: [1, 1].dropLast(2 - size.count)),
              arguments: [.buffer(buffer), .int(count)])
            if launch % 5 == 4 { try queue.finishBlocking() }
          }
          try queue.finishBlocking()
        } catch {
          Issue.record(error)
        }
      }
    }
  }
}
