// SPDX-License-Identifier: Apache-2.0
import CShardHost
import Dispatch
import OpenCLKit
import Synchronization

extension ComputeDevice {
  /// Measures the fma rate: the best of `repeats` runs of 20 ms or more each.
  ///
  /// - Returns: floating-point operations per second; an fma is two.
  public func measureFlopsPerSecond(repeats: Int = 5) async throws -> Double {
    var steps = 1 << 14
    var best = 0.0
    var counted = 0
    while counted < repeats {
      let clock = ContinuousClock()
      try await finish()
      let start = clock.now
      var flops = 0.0
      try await enqueue { flops = try enqueueFMALoop(steps: steps) }
      try await finish()
      let seconds = (clock.now - start).seconds
      if seconds < 0.02, steps < 1 << 28 {
        steps *= 2
      } else {
        counted += 1
        best = max(best, flops / seconds)
      }
    }
    return best
  }

  /// Measures the read rate over `byteCount` bytes, which should be several times the last cache: best of `repeats`.
  ///
  /// - Returns: bytes per second.
  public func measureBytesPerSecond(byteCount: Int = 256 << 20, repeats: Int = 5) async throws -> Double {
    let memory = try allocate(byteCount: min(byteCount, capabilities.maximumAllocationByteCount) & ~65535)
    try fill(memory, at: 0, byteCount: memory.byteCount, with: 0x3f80_0000)
    var best = 0.0
    for _ in 0...max(1, repeats) {
      try await finish()
      let clock = ContinuousClock()
      let start = clock.now
      var bytes = 0.0
      try await enqueue { bytes = try enqueueReadLoop(memory) }
      try await finish()
      best = max(best, bytes / (clock.now - start).seconds)
    }
    return best
  }
}

extension Duration {
  /// The duration in seconds.
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Throws unless a loop of `steps` steps ends, and kernels can count them.
private func checkSteps(_ steps: Int) throws {
  guard (0...Int(Int32.max)).contains(steps) else {
    throw ComputeError.unsupported("\(steps) steps; 0 to \(Int32.max) are possible")
  }
}

extension HostDevice {
  /// Runs `steps` steps of fma chains on every worker; returns the operations of all.
  public func enqueueFMALoop(steps: Int) throws -> Double {
    try checkSteps(steps)
    // Operations are known before the loop runs: a call with no steps says how many one step has.
    var value: Float = 0
    let perStep = shard_host_fma_peak(1, &value)
    enqueueOnWorkers { _ in
      var value: Float = 0
      _ = shard_host_fma_peak(steps, &value)
    }
    return perStep * Double(steps) * Double(workers)
  }

  /// Reads all of `memory` once; returns its bytes.
  public func enqueueReadLoop(_ memory: DeviceMemory) throws -> Double {
    let range = try bytes(of: memory, 0, memory.byteCount)
    let part = memory.byteCount / (4 * workers) & ~63
    enqueueParallel(4 * workers, grain: 1) { parts in
      _ = shard_host_read(range.address + parts.lowerBound * part, parts.count * part)
    }
    return Double(part * 4 * workers)
  }

  /// Copies all of `source` to the beginning of `target`; returns the bytes read and written.
  public func enqueueCopyLoop(_ source: DeviceMemory, to target: DeviceMemory) throws -> Double {
    let byteCount = source.byteCount
    let (from, to) = (try bytes(of: source, 0, byteCount), try bytes(of: target, 0, byteCount))
    let part = byteCount / (4 * workers) & ~63
    enqueueParallel(4 * workers, grain: 1) { parts in
      let start = parts.lowerBound * part
      (to.address + start).copyMemory(from: from.address + start, byteCount: parts.count * part)
    }
    return Double(2 * part * 4 * workers)
  }
}

extension OpenCLDevice {
  private var isGPU: Bool { capabilities.architecture == .gpu }

  /// `bench/fma_peak`: `steps` steps of fma chains on every compute unit; returns the operations of all.
  public func enqueueFMALoop(steps: Int) throws -> Double {
    try checkSteps(steps)
    let vector = isGPU ? 1 : tiles.vector
    let chains = isGPU ? 8 : vector == 16 ? 24 : 12
    let items = isGPU ? capabilities.computeUnits * 2048 : capabilities.computeUnits
    let kernel = try library.kernel("bench/fma_peak", options: ["-DVECTOR=\(vector)", "-DCHAINS=\(chains)"])
    let sums = try workspace.memory(.measurement, byteCount: items * vector * 4, allocate: allocate)
    try kernel.launch(
      on: queue, size: LaunchSize(global: [items], local: [isGPU ? 256 : 1]),
      arguments: [.int(Int32(steps)), .float(0.999), .float(0.001), .buffer(try buffer(sums))])
    return 2 * Double(steps) * Double(chains * vector) * Double(items)
  }

  /// `bench/read_bandwidth`: reads all of `memory` once; returns its bytes.
  public func enqueueReadLoop(_ memory: DeviceMemory) throws -> Double {
    let sums = try workspace.memory(
      .measurement, byteCount: streamItems * streamVector * 4, allocate: allocate)
    return try enqueueStream("bench/read_bandwidth", memory, sums)
  }

  /// `bench/copy_bandwidth`: copies all of `source` to the beginning of `target`; returns the bytes read and written.
  public func enqueueCopyLoop(_ source: DeviceMemory, to target: DeviceMemory) throws -> Double {
    try target.checkRange(0, source.byteCount)
    return try 2 * enqueueStream("bench/copy_bandwidth", source, target)
  }

  private var streamVector: Int { isGPU ? 4 : 16 }
  private var streamItems: Int { capabilities.computeUnits * (isGPU ? 1024 : 16) }

  /// Each item of CPU devices reads its own run, neighbours of GPUs read neighbours; returns the bytes read.
  private func enqueueStream(_ name: String, _ source: DeviceMemory, _ target: DeviceMemory) throws -> Double {
    let (vector, items) = (streamVector, streamItems)
    let steps = source.byteCount / (4 * vector * items)
    guard steps > 0 else { return 0 }
    try library.kernel(name, options: ["-DVECTOR=\(vector)"]).launch(
      on: queue, size: LaunchSize(global: [items], local: [isGPU ? 256 : 1]),
      arguments: [
        .int(Int32(steps)), .long(isGPU ? 1 : Int64(steps)), .long(isGPU ? Int64(items) : 1),
        .buffer(try buffer(source)), .buffer(try buffer(target)),
      ])
    return Double(4 * vector * items * steps)
  }
}
