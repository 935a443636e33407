// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues a norm.
  public func normalise(_ norm: Norm) throws {
    guard norm.rows > 0, norm.headSize > 0 else { return }
    try checkKernelSizes(norm.rows, norm.headSize)
    let (x, result) = (try elements(of: norm.x), try elements(of: norm.result))
    let (delta, weight, bias) = (
      try norm.delta.map(elements), try norm.weight.map(elements), try norm.bias.map(elements)
    )
    enqueueParallel(norm.rows, grain: rowGrain(norm.headSize)) { rows in
      var call = shard_host_norm(
        n: norm.headSize, heads: norm.heads, centred: norm.kind == .layer, inverse_n: norm.inverseCount,
        epsilon: norm.epsilon, unit: norm.weightOffset, x: x.floats, delta: delta?.floats, weight: weight?.floats,
        bias: bias?.floats, y: result.floats, ldx: norm.x.rowStride, ldd: norm.delta?.rowStride ?? 0,
        ldy: norm.result.rowStride)
      shard_host_norm_rows(&call, rows.lowerBound, rows.upperBound)
    }
  }
}
