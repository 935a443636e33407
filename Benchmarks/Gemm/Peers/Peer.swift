// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ShardCompute

/// What ShardCL is compared with, as `--peers` has it.
enum PeerName: String, CaseIterable, Sendable, ExpressibleByArgument {
  case openBLAS = "openblas"
  case clBlast = "clblast"
  /// PyTorch, in a process of its own.
  case torch
  /// ShardCL's CPU fallback.
  case host
  /// ShardCL's f32 product on the same device, for weights of other formats.
  case f32

  /// The name in the table.
  var title: String {
    switch self {
    case .openBLAS: "OpenBLAS"
    case .clBlast: "CLBlast"
    case .torch: "PyTorch"
    case .host: "host"
    case .f32: "ShardCL f32"
    }
  }

  /// Whether a work with weights of `format` is compared with it: peers multiply f32, and weights of other formats are
  /// compared with ShardCL's own f32 alone.
  func isPeer(of format: WeightFormat) -> Bool { (self == .f32) == (format != .f32) }
}

/// A library that multiplies.
protocol Peer: AnyObject {
  /// Version, device, threads and whatever else its speed depends on.
  var details: String { get }

  /// Takes the operands to where they are used. Not timed; what an application does once per weight belongs here.
  func prepare(_ problem: Problem) async throws

  /// Computes the product `count` times, one after the other, and returns when all are complete. Timed.
  ///
  /// A library with a queue enqueues them all and waits once, as an application with more than one product does.
  func run(_ count: Int) async throws

  /// The product of the last `run`, m × n, row-major. Not timed.
  func result() async throws -> HostMemory

  /// Lets go of the operands, so that the next work has the memory.
  func release()
}
