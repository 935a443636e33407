// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCompute

/// Times ShardCL, its peers and the two limits of the device on one work, in turns, so that what the machine does
/// meanwhile hits all alike.
final class Comparison {
  typealias Contestant = (name: PeerName, peer: any Peer)

  private let subject: ShardCLPeer
  private let peers: [Contestant]
  private let timing: PairedTiming
  private let arithmetic: DeviceLimit
  private let read: DeviceLimit
  /// The last f32 problem: several quantised works in a row are compared with the same one.
  private var reference: Problem?
  /// GFLOPS of peers that were far slower than ShardCL at their last work.
  private var slowSpeeds: [PeerName: Double] = [:]
  private var prepared: [PeerName: (shape: Shape, firstCall: Double, isExact: Bool)] = [:]

  /// A peer that is so many times slower is left out of works where a call of it would take `longestCall` seconds.
  private static let farSlower = 5.0
  private static let longestCall = 1.5

  init(device: any ComputeDevice, peers: [Contestant], seconds: Double) throws {
    subject = ShardCLPeer(device: device)
    self.peers = peers
    timing = PairedTiming(seconds: seconds)
    arithmetic = try .arithmetic(device)
    read = try .read(device)
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
      [PairedTiming.Entry(seconds: own.firstCall) { [subject] in try await subject.run($0) }]
      + contestants.map { name, peer in
        PairedTiming.Entry(seconds: prepared[name]?.firstCall ?? 0, isPeer: true) { try await peer.run($0) }
      } + [PairedTiming.Entry(run: arithmetic.run), PairedTiming.Entry(run: read.run)]
    let samples = try await timing.samples(of: entries)
    let peerRows = contestants.enumerated().map { index, contestant in
      Row.Peer(
        contestant.name, flops: work.shape.flops, times: samples[index + 1], own: samples[0],
        isExact: prepared[contestant.name]?.isExact ?? false)
    }
    for peer in peerRows { slowSpeeds[peer.name] = peer.ratio > Self.farSlower ? peer.gflops : nil }
    return Row(
      work, bytes: (try work.weightByteCount, try work.byteCount), times: samples[0], peers: peerRows,
      flopsPerSecond: samples[samples.count - 2].map { [arithmetic] in arithmetic.amount / $0 },
      readBytesPerSecond: samples[samples.count - 1].map { [read] in read.amount / $0 }, isExact: own.isExact)
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
