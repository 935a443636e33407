// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues a softmax.
  public func softmax(_ softmax: Softmax) throws {
    let (x, result) = (softmax.x, softmax.result)
    guard x.rows > 0, x.columns > 0 else { return }
    try checkKernelSizes(x.rows, x.columns)
    let (from, target) = (try elements(of: x), try elements(of: result))
    let lengths = try softmax.lengths.map(numbers(of:))
    enqueueParallel(x.rows, grain: rowGrain(x.columns)) { rows in
      var call = shard_host_softmax(
        n: x.columns, queries: softmax.queries ?? 0, scale: softmax.scale.factor, cap: softmax.scale.cap,
        x: from.floats, y: target.floats, ldx: x.rowStride, ldy: result.rowStride, lengths: lengths?.numbers)
      shard_host_softmax_rows(&call, rows.lowerBound, rows.upperBound)
    }
  }
}
