// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import TestSupport
import Testing

@Suite("queues and buffers") struct QueueTests {
  let device: Device
  let context: Context
  let queue: Queue

  init() throws {
    device = try #require(try TestDevices.firstDevice())
    context = try Context(devices: [device])
    queue = try Queue(context: context, device: device, profiling: true)
  }

  private func read(_ buffer: Buffer) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: buffer.byteCount)
    try bytes.withUnsafeMutableBytes {
      _ = try queue.read(buffer, byteCount: $0.count, into: try #require($0.baseAddress))
      try queue.finishBlocking()
    }
    return bytes
  }

  @Test("write, fill and read bytes at an offset") func transfers() throws {
    let buffer = try Buffer(context: context, byteCount: 24)
    try queue.fill(buffer, byteCount: 24, with: UInt32(0x0101_0101))
    let source: [UInt8] = [9, 8, 7]
    try source.withUnsafeBytes {
      _ = try queue.write(try #require($0.baseAddress), byteCount: 3, to: buffer, at: 5)
      try queue.finishBlocking()
    }
    #expect(try read(buffer) == [1, 1, 1, 1, 1, 9, 8, 7] + [UInt8](repeating: 1, count: 16))
  }

  @Test("copy rows of a matrix") func copiesRows() throws {
    let source = try Buffer(context: context, byteCount: 32)
    let destination = try Buffer(context: context, byteCount: 32)
    try fillAscending(source)
    try queue.fill(destination, byteCount: 32, with: UInt32(0))
    // Two columns from byte 1 of rows of 8, to rows of 5 from byte 6.
    try queue.copy(
      from: source, Queue.Rows(byteOffset: 1, pitch: 8), to: destination, Queue.Rows(byteOffset: 6, pitch: 5),
      rowByteCount: 2, rows: 4)
    var expected = [UInt8](repeating: 0, count: 32)
    for row in 0..<4 { for column in 0..<2 { expected[6 + row * 5 + column] = UInt8(1 + row * 8 + column) } }
    #expect(try read(destination) == expected)
  }

  @Test("rows that overlap or lie outside are errors", arguments: [0, 1, -4, 20, Int.max])
  func impossibleRows(pitch: Int) throws {
    let buffer = try Buffer(context: context, byteCount: 32)
    let other = try Buffer(context: context, byteCount: 32)
    #expect(throws: OpenCLError.self) {
      try queue.copy(
        from: buffer, Queue.Rows(byteOffset: 0, pitch: pitch), to: other, Queue.Rows(byteOffset: 0, pitch: 8),
        rowByteCount: 2, rows: 3)
    }
  }

  private func fillAscending(_ buffer: Buffer) throws {
    let values = (0..<UInt8(buffer.byteCount)).map { $0 }
    try values.withUnsafeBytes {
      _ = try queue.write(try #require($0.baseAddress), byteCount: $0.count, to: buffer)
      try queue.finishBlocking()
    }
  }

  @Test("a range outside a buffer is an error with its values") func outOfRange() throws {
    let buffer = try Buffer(context: context, byteCount: 16)
    let error = #expect(throws: OpenCLError.self) { try queue.fill(buffer, at: 12, byteCount: 8, with: UInt32(0)) }
    #expect(error?.description.contains("bytes 12..<20 of a buffer of 16") == true)
    #expect(throws: OpenCLError.self) { try queue.fill(buffer, at: -4, byteCount: 4, with: UInt32(0)) }
    #expect(throws: OpenCLError.self) { try queue.fill(buffer, at: .max, byteCount: 4, with: UInt32(0)) }
  }

  @Test("an empty buffer is an error, an empty command is not") func emptySizes() throws {
    let error = #expect(throws: OpenCLError.self) { try Buffer(context: context, byteCount: 0) }
    #expect(error?.status == .invalidBufferSize)
    let buffer = try Buffer(context: context, byteCount: 16)
    try queue.fill(buffer, at: 16, byteCount: 0, with: UInt32(0)).waitBlocking()
  }

  @Test("a window shares the memory of its parent") func subBuffers() throws {
    let alignment = try device.baseAddressAlignment
    let parent = try Buffer(context: context, byteCount: 3 * alignment)
    try queue.fill(parent, byteCount: parent.byteCount, with: UInt32(0))
    let window = try Buffer(window: parent, byteOffset: alignment, byteCount: alignment)
    try queue.fill(window, byteCount: alignment, with: UInt32(0x0202_0202))
    let bytes = try read(parent)
    #expect(
      bytes[alignment - 1] == 0 && bytes[alignment] == 2 && bytes[2 * alignment - 1] == 2 && bytes[2 * alignment] == 0)
    #expect(throws: OpenCLError.self) { try Buffer(window: parent, byteOffset: alignment, byteCount: 3 * alignment) }
  }

  @Test("mapped memory shows what the device wrote and keeps what the host wrote") func mapping() throws {
    let buffer = try Buffer(context: context, byteCount: 4096, placement: .hostVisible)
    try queue.fill(buffer, byteCount: 4096, with: UInt32(0x0303_0303))
    let mapping = try queue.map(buffer, at: 64, byteCount: 16, for: .readWrite)
    try mapping.ready.waitBlocking()
    #expect(mapping.bytes.allSatisfy { $0 == 3 })
    mapping.bytes.storeBytes(of: 7, as: UInt8.self)
    try queue.unmap(mapping)
    let bytes = try read(buffer)
    #expect(bytes[63] == 3 && bytes[64] == 7 && bytes[65] == 3)
  }

  @Test("a queue follows others with its next command, and the last event of each is enough") func follows() throws {
    let others = try (0..<2).map { _ in try Queue(context: context, device: device) }
    let byteCount = 4 << 20
    let sources = try others.map { _ in try Buffer(context: context, byteCount: byteCount) }
    let copy = try Buffer(context: context, byteCount: byteCount)
    #expect(others[0].last == nil)
    for round in UInt8(1)...20 {
      var expected: [UInt8] = []
      for (index, other) in others.enumerated() {
        let value = round &* 2 &+ UInt8(index)
        // Slow enough that a copy which does not wait finds the round before.
        let first = try other.fill(sources[index], byteCount: byteCount, with: round &- 1)
        for _ in 0..<2 { try other.fill(sources[index], byteCount: byteCount, with: round &- 1) }
        queue.follow([try other.fill(sources[index], byteCount: byteCount, with: value)])
        // What was enqueued earlier takes nothing back.
        queue.follow([first])
        try other.flush()
        expected.append(value)
      }
      // The next command waits for both queues, those after it with it.
      try queue.copy(from: sources[0], at: 0, to: copy, at: 0, byteCount: byteCount / 2)
      try queue.copy(from: sources[1], at: 0, to: copy, at: byteCount / 2, byteCount: byteCount / 2)
      for other in others { other.follow([try #require(queue.last)]) }
      try queue.flush()
      var bytes = [UInt8](repeating: 0, count: byteCount)
      try bytes.withUnsafeMutableBytes { bytes in
        let target = try #require(bytes.baseAddress)
        try queue.read(copy, byteCount: byteCount, into: target).waitBlocking()
      }
      #expect(bytes[0] == expected[0] && bytes[byteCount / 2 - 1] == expected[0])
      #expect(bytes[byteCount / 2] == expected[1] && bytes[byteCount - 1] == expected[1])
    }
  }

  @Test("events order two queues, profile commands and can be awaited") func events() async throws {
    let second = try Queue(context: context, device: device)
    let buffer = try Buffer(context: context, byteCount: 1 << 20)
    let filled = try queue.fill(buffer, byteCount: 1 << 20, with: UInt32(0x0505_0505))
    try queue.flush()
    try second.barrier(after: [filled])
    let marker = try second.marker()
    try second.flush()
    try await EventWaiter(name: "test").wait(for: marker)
    #expect(try filled.isDone && marker.isDone)
    let times = try filled.times()
    #expect(times.queued <= times.started && times.started <= times.ended && times.seconds < 10)
    #expect(throws: OpenCLError.self) { try marker.times() }
  }
}
