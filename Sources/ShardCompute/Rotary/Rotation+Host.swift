// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues a rotary embedding of rows.
  public func rotate(_ rotation: Rotation) throws {
    let (x, result) = (rotation.x, rotation.result)
    guard x.rows > 0, x.columns > 0 else { return }
    try rotation.checkSizes()
    let (from, target) = (try elements(of: x), try elements(of: result))
    let angles = try bytes(of: rotation.angles.memory, 0, 0)
    let (first, vector) = rotation.start
    let positions = try vector.map(numbers(of:))
    let rotary = rotation.angles.rotary
    enqueueParallel(x.rows, grain: rowGrain(x.columns)) { rows in
      var call = shard_host_rotation(
        heads: rotation.heads, head_size: rotation.headSize, size: Int32(rotary.size),
        interleaved: rotary.pairing == .interleaved ? 1 : 0, count: Int32(rotation.angles.count), first: first,
        angles: angles.floats, positions: positions?.numbers, x: from.floats, y: target.floats, ldx: x.rowStride,
        ldy: result.rowStride)
      shard_host_rotate_rows(&call, rows.lowerBound, rows.upperBound)
    }
  }
}
