// SPDX-License-Identifier: Apache-2.0
import COpenBLAS

/// OpenBLAS on the CPU, from and to ordinary memory.
final class OpenBLASPeer: Peer {
  let name = "OpenBLAS"
  let details: String
  private var problem: Problem?
  private var c: [Float] = []

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
    c = [Float](repeating: .nan, count: problem.shape.m * problem.shape.n)
  }

  func run(_ count: Int) {
    guard let problem else { return }
    let (m, n, k) = (Int32(problem.shape.m), Int32(problem.shape.n), Int32(problem.shape.k))
    for _ in 0..<count {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, problem.a, k, problem.b, k, 0, &c, n)
    }
  }

  func result() -> [Float] { c }
}
