// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues activations, gates or factors.
  public func apply(_ operation: Elementwise) throws {
    let (rows, columns) = operation.extent
    guard rows > 0, columns > 0 else { return }
    try checkKernelSizes(operation.x.rows, operation.x.columns)
    let (x, result) = (try elements(of: operation.x), try elements(of: operation.result))
    let up = try operation.up.map(elements)
    @Sendable func run(_ rows: Range<Int>, _ columns: Range<Int>) {
      var call = shard_host_activation(
        function: operation.activation.hostFunction, step: operation.step, scale: operation.scale, x: x.floats,
        up: up?.floats, y: result.floats, ldx: operation.x.rowStride, ldu: operation.up?.rowStride ?? 0,
        ldy: operation.result.rowStride)
      shard_host_activate(&call, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.upperBound)
    }
    if rows == 1 {
      enqueueParallel(columns, grain: rowGrain(1)) { run(0..<1, $0) }
    } else {
      enqueueParallel(rows, grain: rowGrain(columns)) { run($0, 0..<columns) }
    }
  }
}
