// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCompute

/// PyTorch on the CPU.
final class TorchPeer: Peer {
  private let torch: TorchProcess
  private var shape: Shape?

  init(threads: Int) throws { torch = try TorchProcess(threads: threads) }

  var details: String { torch.details }

  func prepare(_ problem: Problem) throws {
    let shape = problem.shape
    self.shape = shape
    _ = try torch.prepare("product \(shape.m) \(shape.n) \(shape.k)", [problem.a, problem.b])
  }

  func run(_ count: Int) throws { try torch.run(count) }

  func result() throws -> HostMemory { try torch.result(count: shape.map { $0.m * $0.n } ?? 0) }

  func release() {}
}
