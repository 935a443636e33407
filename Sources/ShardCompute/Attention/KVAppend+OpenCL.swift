// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues the storing of new keys and values: `attention/append`.
  public func append(_ append: KVAppend) throws {
    let state = try append.records()
    let (memory, records) = (state.memory, state.records)
    let heads = append.plan.heads
    guard records.rows > 0, heads.queryHeads > 0 else { return }
    let isGPU = capabilities.architecture == .gpu
    let (lanes, run) = isGPU ? (32, 1) : (1, 16)
    let (keys, values) = (append.keys, append.values)
    let queries = append.queries ?? keys
    let angles = append.angles
    let arguments: [KernelArgument] = [
      .int(Int32(records.rows)), .int(Int32(run)), .int(Int32(heads.kvHeads)), .int(Int32(heads.keySize)),
      .int(Int32(heads.valueSize)), .int(Int32(append.cache.blockLength)), .buffer(try buffer(keys.memory)),
      .long(Int64(keys.offset)), .long(Int64(keys.rowStride)), .buffer(try buffer(values.memory)),
      .long(Int64(values.offset)), .long(Int64(values.rowStride)), .buffer(try buffer(queries.memory)),
      .long(Int64(queries.offset)), .long(Int64(queries.rowStride)), .int(Int32(angles?.rotary.size ?? 0)),
      .int(angles?.rotary.pairing == .interleaved ? 1 : 0), .buffer(try buffer(angles?.memory ?? memory)),
      .buffer(try buffer(memory)), .int(Int32(records.placesAt)), .buffer(try buffer(append.cache.keys)),
      .buffer(try buffer(append.cache.values)),
    ]
    try library.kernel(
      "attention/append", options: ["-DFUNCTION_LANES=1", "-DKV_TYPE=\(append.cache.format.kernelName)"]
    ).launch(
      on: queue,
      size: LaunchSize(
        global: [
          lanes, heads.kvHeads + (append.queries == nil ? 0 : heads.queryHeads), (records.rows + run - 1) / run,
        ], local: [lanes, 1, 1]),
      arguments: arguments)
  }
}
