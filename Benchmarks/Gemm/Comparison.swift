// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute

/// Times ShardCL, its peers and the two limits of the device on one work, in turns, so that what the machine does
/// meanwhile hits all alike.
final class Comparison {
  typealias Contestant = (name: PeerName, peer: any Peer)

  private let subject: ShardCLPeer
  private let peers: [Contestant]
  private let seconds: Double
  private let limits: Limits
  /// The last f32 problem: several quantised works in a row are compared with the same one.
  private var reference: Problem?
  /// GFLOPS of peers that were far slower than ShardCL at their last work.
  private var slowSpeeds: [PeerName: Double] = [:]
  private var prepared: [PeerName: (shape: Shape, firstCall: Double, isExact: Bool)] = [:]

  init(device: any ComputeDevice, peers: [Contestant], seconds: Double) throws {
    subject = ShardCLPeer(device: device)
    self.peers = peers
    self.seconds = seconds
    limits = try Limits(device)
  }

  /// Measures `work` against the peers that can do it.
  ///
  /// - Throws: `ComputeError.unsupported` where ShardCL has no kernel for it on the device.
  func row(for work: Work) async throws -> Row {
    let contestants = peers.filter { $0.name.isPeer(of: work.format) && !isTooSlow($0.name, for: work) }
    for (name, peer) in peers where prepared[name].map({ $0.shape != work.shape }) ?? false {
      peer.release()
      prepared[name] = nil
    }
    defer { subject.release() }
    let own = try await prepare(subject, try problem(work.shape, work.format))
    for (name, peer) in contestants where prepared[name] == nil {
      let first = try await prepare(peer, try problem(work.shape, .f32))
      prepared[name] = (work.shape, first.firstCall, first.isExact)
    }
    let entries =
      [Entry(seconds: own.firstCall, isPeer: false) { [subject] in try await subject.run($0) }]
      + contestants.map { name, peer in
        Entry(seconds: prepared[name]?.firstCall ?? 0, isPeer: true) { try await peer.run($0) }
      } + [
        Entry(seconds: 0, isPeer: false, run: limits.arithmetic), Entry(seconds: 0, isPeer: false, run: limits.read),
      ]
    let samples = try await alternate(entries)
    let peerRows = contestants.enumerated().map { index, contestant in
      Row.Peer(
        contestant.name, flops: work.shape.flops, times: samples[index + 1], own: samples[0],
        isExact: prepared[contestant.name]?.isExact ?? false)
    }
    for peer in peerRows { slowSpeeds[peer.name] = peer.ratio > Self.farSlower ? peer.gflops : nil }
    return Row(
      work, bytes: (try work.weightByteCount, try work.byteCount), times: samples[0], peers: peerRows,
      flopsPerSecond: samples[samples.count - 2].map { limits.flops / $0 },
      readBytesPerSecond: samples[samples.count - 1].map { limits.byteCount / $0 }, isExact: own.isExact)
  }

  /// Whether a call would take seconds, and the ratio is known to be large from a work before.
  private func isTooSlow(_ peer: PeerName, for work: Work) -> Bool {
    slowSpeeds[peer].map { work.shape.flops / ($0 * 1e9) > Self.longestCall } ?? false
  }

  private func problem(_ shape: Shape, _ format: WeightFormat) throws -> Problem {
    if format == .f32, let reference, reference.shape == shape { return reference }
    if format != .f32 { return try Problem(shape, format) }
    reference = nil
    let problem = try Problem(shape, .f32)
    reference = problem
    return problem
  }

  private func prepare(_ peer: any Peer, _ problem: Problem) async throws -> (firstCall: Double, isExact: Bool) {
    try await peer.prepare(problem)
    let firstCall = try await measureSeconds { try await peer.run(1) }
    return (firstCall, try problem.isProduct(try await peer.result()))
  }
}

/// Something that is timed in every round.
private struct Entry {
  /// How long the first call took, which may have compiled.
  let seconds: Double
  /// A peer may be so slow that it is only timed once.
  let isPeer: Bool
  let run: Run
}

extension Comparison {
  /// A tenth of a second: threads that wake up together may share a core until the scheduler looks again some
  /// milliseconds later, and in a sample of this length that does not matter.
  private static let sampleSeconds = 0.1
  /// OpenBLAS's threads spin for some 30 ms after a product, which would count against who comes next.
  private static let pause = Duration.milliseconds(50)
  /// A call this long brings caches and clocks back by itself.
  private static let longCall = 0.3
  private static let minimumRounds = 5
  /// A peer that is so many times slower is left out of works where a call of it would take `longestCall` seconds.
  private static let farSlower = 5.0
  private static let longestCall = 1.5

  /// Seconds of one call of each entry in each round. The order turns round by round, and short calls are repeated.
  private func alternate(_ entries: [Entry]) async throws -> [[Double]] {
    var estimates: [Double] = []
    for entry in entries {
      estimates.append(entry.seconds > 1 ? entry.seconds : try await measureSeconds { try await entry.run(1) })
    }
    var samples = [[Double]](repeating: [], count: entries.count)
    let end = ContinuousClock.now + .seconds(seconds)
    var round = 0
    repeat {
      for offset in entries.indices {
        let index = (offset + round) % entries.count
        let (entry, estimate) = (entries[index], estimates[index])
        if round > 0, entry.isPeer, estimate > max(1, seconds / 2), estimate > 3 * estimates[0] { continue }
        try await Task.sleep(for: Self.pause)
        if estimate < Self.longCall { try await entry.run(1) }
        let repeats = max(1, Int(Self.sampleSeconds / max(estimate, 1e-7)))
        samples[index].append(try await measureSeconds { try await entry.run(repeats) } / Double(repeats))
      }
      round += 1
    } while round < Self.minimumRounds || ContinuousClock.now < end
    return samples
  }
}

/// What the device can do at most, measured: fma in registers, and reading memory that no cache holds.
private struct Limits {
  let flops: Double
  let byteCount: Double
  let arithmetic: Run
  let read: Run

  init(_ device: any ComputeDevice) throws {
    let steps = 1 << 18
    let capabilities = device.capabilities
    let wanted = max(256 << 20, 4 * capabilities.cacheByteCount)
    let memory = try device.allocate(byteCount: min(wanted, capabilities.maximumAllocationByteCount) & ~65535)
    try device.fill(memory, at: 0, byteCount: memory.byteCount, with: Float(1).bitPattern)
    flops = try device.enqueueFMALoop(steps: steps)
    byteCount = try device.enqueueReadLoop(memory)
    arithmetic = { count in
      for _ in 0..<count { _ = try device.enqueueFMALoop(steps: steps) }
      try await device.finish()
    }
    read = { count in
      for _ in 0..<count { _ = try device.enqueueReadLoop(memory) }
      try await device.finish()
    }
  }
}

/// Does a piece of work as often as it is told, and returns when all is done.
typealias Run = (_ count: Int) async throws -> Void

func measureSeconds(_ body: () async throws -> Void) async throws -> Double {
  try await ContinuousClock().measure(body) / .seconds(1)
}

/// The middle value, or the mean of the two middle ones; not a number if there are none.
func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
