// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import CCLBlast
import ShardCompute

/// CLBlast with the parameters that it ships for the device, operands and result in device memory.
final class CLBlastPeer: Peer {
  let details: String
  private let session: OpenCLSession
  private var shape: Shape?
  private var arrays: (a: DeviceArray, b: DeviceArray, c: DeviceArray)?

  init(session: OpenCLSession) {
    self.session = session
    details = "on \(session.info(CL_DEVICE_NAME)), driver \(session.info(CL_DRIVER_VERSION))"
  }

  func prepare(_ problem: Problem) throws {
    shape = problem.shape
    let c = HostMemory(byteCount: 4 * problem.shape.m * problem.shape.n)
    arrays = (try session.buffer(problem.a), try session.buffer(problem.b), try session.buffer(c))
  }

  func run(_ count: Int) throws {
    guard let shape, let arrays else { return }
    var queue: cl_command_queue? = session.queue
    for _ in 0..<count {
      // One row is what its matrix-vector product is for, which is faster at it.
      let status =
        shape.m == 1
        ? CLBlastSgemv(
          CLBlastLayoutRowMajor, CLBlastTransposeNo, shape.n, shape.k, 1, arrays.b.memory, 0, shape.k,
          arrays.a.memory, 0, 1, 0, arrays.c.memory, 0, 1, &queue, nil)
        : CLBlastSgemm(
          CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, shape.m, shape.n, shape.k, 1,
          arrays.a.memory, 0, shape.k, arrays.b.memory, 0, shape.k, 0, arrays.c.memory, 0, shape.n, &queue, nil)
      guard status == CLBlastSuccess else { throw BenchmarkError("CLBlast", status.rawValue) }
    }
    try session.finish()
  }

  func result() throws -> HostMemory { try arrays?.c.read() ?? HostMemory(byteCount: 0) }

  func release() { arrays = nil }
}
