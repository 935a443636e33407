// SPDX-License-Identifier: Apache-2.0
import COpenBLAS
import ShardCompute

/// OpenBLAS on the CPU, from and to ordinary memory.
final class OpenBLASPeer: Peer {
  let details: String
  private var problem: Problem?
  private var c = HostMemory(byteCount: 0)

  init(threads: Int) {
    openblas_set_num_threads(Int32(clamping: threads))
    let core = openblas_get_corename().map { String(cString: $0) } ?? "unknown"
    let config = openblas_get_config().map { String(cString: $0) } ?? "unknown"
    details =
      "\(config.split(separator: " ").prefix(2).joined(separator: " ")), kernels for \(core), "
      + "\(openblas_get_num_threads()) threads"
  }

  func prepare(_ problem: Problem) {
    self.problem = problem
    c = HostMemory(byteCount: 4 * problem.shape.m * problem.shape.n)
  }

  func run(_ count: Int) {
    guard let problem else { return }
    let (m, n, k) = (Int32(problem.shape.m), Int32(problem.shape.n), Int32(problem.shape.k))
    problem.a.withFloats { a in
      problem.b.withFloats { b in
        c.withMutableFloats { c in
          for _ in 0..<count {
            // One row is what its matrix-vector product is for, which is faster at it.
            if m == 1 {
              cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1, b, k, a, 1, 0, c, 1)
            } else {
              cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, k, b, k, 0, c, n)
            }
          }
        }
      }
    }
  }

  func result() -> HostMemory { c }

  func release() {
    problem = nil
    c = HostMemory(byteCount: 0)
  }
}

extension HostMemory {
  fileprivate func withFloats(_ body: (UnsafePointer<Float>?) -> Void) {
    withBytes { body($0.bindMemory(to: Float.self).baseAddress) }
  }

  fileprivate func withMutableFloats(_ body: (UnsafeMutablePointer<Float>?) -> Void) {
    withMutableBytes { body($0.bindMemory(to: Float.self).baseAddress) }
  }
}
