// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCL
import ShardCompute

/// Where works are done.
struct Arena {
  let device: any ComputeDevice
  let torch: TorchProcess?

  /// Prepares a work and its peer.
  ///
  /// - Throws: `ComputeError.unsupported` for a work that the device cannot do.
  func contest(for work: Work) async throws -> Contest {
    switch work.kind {
    case .prefill(let workload): try await prefill(workload)
    case .window(let workload, beside: let other): try await window(workload, beside: other)
    case .decode(let workload): try await decode(workload)
    case .halves(let workload): try await halves(workload)
    case .rows(let operation, let isCached): try await rows(operation, isCached: isCached)
    }
  }

  private func prefill(_ workload: AttentionWorkload) async throws -> Contest {
    let problem = AttentionProblem(workload)
    let subject = try await AttentionSubject(problem, on: DeviceMesh([device]))
    return Contest(
      amount: .operations(workload.flops), run: subject.prefill,
      errorOverBound: try await subject.errorOverBound(problem), peer: try torch.map { try peer(problem, $0) })
  }

  /// PyTorch at a causal attention.
  private func peer(_ problem: AttentionProblem, _ torch: TorchProcess) throws -> Contest.Peer {
    let (heads, tokens) = (problem.workload.heads, problem.workload.queries)
    let details = try torch.prepare(
      "attention \(heads.queryHeads) \(heads.kvHeads) \(heads.keySize) \(tokens)",
      [problem.queries, problem.keys, problem.values].map { HostMemory($0) })
    try torch.run(1)
    let result = try torch.result(count: tokens * heads.resultColumns).array(of: Float.self)
    return Contest.Peer(details: details, run: torch.run, errorOverBound: try problem.errorOverBound(of: result))
  }

  private func window(_ workload: AttentionWorkload, beside other: AttentionWorkload) async throws -> Contest {
    let (problem, causal) = (AttentionProblem(workload), AttentionProblem(other))
    let mesh = try DeviceMesh([device])
    let subject = try await AttentionSubject(problem, on: mesh)
    let peer = try await AttentionSubject(causal, on: mesh)
    return Contest(
      amount: .operations(workload.flops), run: subject.prefill,
      errorOverBound: try await subject.errorOverBound(problem),
      peer: Contest.Peer(
        run: peer.prefill, calls: Double(workload.queries) / Double(other.queries),
        errorOverBound: try await peer.errorOverBound(causal)))
  }

  private func decode(_ workload: AttentionWorkload) async throws -> Contest {
    let problem = AttentionProblem(workload)
    let layers = Int(Double(DeviceLimit.uncached(device)) / workload.cacheByteCount) + 1
    let subject = try await AttentionSubject(problem, on: DeviceMesh([device]), layers: layers)
    let read = try DeviceLimit.read(device)
    return Contest(
      amount: .bytes(workload.cacheByteCount), run: subject.decode,
      errorOverBound: try await subject.errorOverBound(problem),
      peer: Contest.Peer(run: read.run, calls: workload.cacheByteCount / read.amount))
  }

  private func halves(_ workload: AttentionWorkload) async throws -> Contest {
    let problem = AttentionProblem(workload)
    let mesh: DeviceMesh
    do {
      mesh = try DeviceMesh(selecting: device.selector + "/2")
    } catch {
      throw ComputeError.unsupported("\(device.selector) cannot be cut in two: \(error)")
    }
    let subject = try await AttentionSubject(problem, on: mesh)
    let half = try await AttentionSubject(problem, on: DeviceMesh([mesh.ranks[0].device]))
    return Contest(
      amount: .operations(workload.flops), run: subject.prefill,
      errorOverBound: try await subject.errorOverBound(problem),
      peer: Contest.Peer(run: half.prefill, errorOverBound: try await half.errorOverBound(problem)))
  }

  private func rows(_ operation: RowOperation, isCached: Bool) async throws -> Contest {
    let subject = try RowSubject(operation, rows: 512, columns: 4096, isCached: isCached, on: device)
    let copy = try DeviceLimit.copy(device, byteCount: subject.matrixByteCount, count: subject.matrices / 2)
    let byteCount = Double(subject.byteCount)
    return Contest(
      amount: .bytes(byteCount), run: subject.run, errorOverBound: try await subject.errorOverBound(),
      peer: Contest.Peer(run: copy.run, calls: byteCount / copy.amount))
  }
}
