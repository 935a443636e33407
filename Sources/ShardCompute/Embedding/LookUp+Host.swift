// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues a look-up.
  public func lookUp(_ look: LookUp) throws {
    let (tokens, columns) = (look.ids.count, look.weight.columns)
    guard tokens > 0, columns > 0 else { return }
    try checkKernelSizes(max(tokens, look.weight.rows), columns)
    try look.weight.checkPanels(on: self)
    let (ids, result) = (try numbers(of: look.ids), try elements(of: look.result))
    for (index, part) in look.weight.parts.enumerated() {
      let panels = try bytes(of: part.weight.memory, part.weight.firstByte, 0)
      enqueueParallel(tokens, grain: rowGrain(4 * columns)) { range in
        var call = shard_host_look_up(
          ids: ids.numbers, panels: panels.address, format: look.weight.format.hostFormat, columns: columns,
          rows: Int64(part.rows.count), first_id: Int64(look.firstID + part.rows.lowerBound),
          vocabulary: Int64(look.vocabulary), keeps: index > 0, scale: look.scale, y: result.floats,
          ldy: look.result.rowStride)
        shard_host_look_up_rows(&call, range.lowerBound, range.upperBound)
      }
    }
  }
}
