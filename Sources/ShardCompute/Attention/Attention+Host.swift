// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues an attention.
  public func attend(_ attention: Attention) throws {
    let state = try attention.plan.current()
    let records = state.records
    try attention.check(records)
    guard records.rows > 0, attention.plan.heads.queryHeads > 0 else { return }
    let call = try HostAttention(attention, state, on: self)
    try workspace.together {
      try enqueueTasks(call, records.many, isFew: false)
      try enqueueTasks(call, records.few, isFew: true)
      try enqueueJoin(call, records)
    }
  }

  private func enqueueJoin(_ call: HostAttention, _ records: AttentionRecords) throws {
    let nodes = try hostScratch(.attentionNodes, byteCount: call.nodeByteCount)
    let heads = Int(call.join(nodes).kv_heads)
    enqueueParallel(records.joined.count * heads, grain: 4) { range in
      var join = call.join(nodes)
      for index in range {
        shard_host_attention_join(&join, call.words(records.joined.at + index / heads * 4), Int32(index % heads))
      }
    }
  }

  /// Enqueues the join of nodes that several ranks have.
  public func join(_ join: AttentionJoin) throws {
    guard !join.range.isEmpty, join.lists.queries.count > 0 else { return }
    let words = try bytes(of: join.lists.memory, 0, 0)
    let (nodes, result) = (try bytes(of: join.nodes, 0, 0), try elements(of: join.result))
    let sinks = try join.sinks.map { try elements(of: $0) }
    let logs = try join.logSumExp.map { try elements(of: $0) }
    let slotFloats = try checkedProduct(join.slotRows, join.heads.nodeColumns)
    enqueueParallel(join.lists.queries.count * join.range.count, grain: 4) { range in
      let records = words.address.assumingMemoryBound(to: Int32.self)
      var call = shard_host_attention()
      (call.kv_heads, call.group) = (Int32(join.range.count), 1)
      (call.node_heads, call.first_head) = (Int32(join.heads.queryHeads), Int32(join.range.lowerBound))
      call.value_size = Int32(join.heads.valueSize)
      call.lists = UnsafePointer(records + join.lists.nodesAt)
      (call.nodes, call.slot_floats) = (nodes.floats, slotFloats)
      (call.sinks, call.has_sinks) = (UnsafePointer(sinks?.floats), sinks == nil ? 0 : 1)
      (call.out, call.ldo) = (result.floats, join.result.rowStride)
      (call.logs, call.has_logs, call.ld_logs) = (logs?.floats, logs == nil ? 0 : 1, join.logSumExp?.rowStride ?? 0)
      for index in range {
        let query = records + join.lists.queries.at + index / join.range.count * 4
        shard_host_attention_join(&call, query, Int32(index % join.range.count))
      }
    }
  }

  private func enqueueTasks(
    _ call: HostAttention, _ list: AttentionRecords.TaskList, isFew: Bool
  ) throws {
    guard list.records.count > 0 else { return }
    var sizes = call.call
    let workFloats = shard_host_attention_work_floats(&sizes, isFew, Int32(list.rows), Int32(list.levels))
    let stride = (workFloats * 4 + 4095) & ~4095
    let work = try hostScratch(.attention, byteCount: checkedProduct(stride, workers))
    let nodes = try hostScratch(.attentionNodes, byteCount: call.nodeByteCount)
    let kvHeads = Int(sizes.kv_heads)
    let tasks = list.records.count * kvHeads
    let next = Counter()
    enqueueOnWorkers { worker in
      var attention = call.attend(nodes)
      let own = (work.address + worker * stride).assumingMemoryBound(to: Float.self)
      // The last record first, as on OpenCL devices: long tasks, then short ones that fill the gaps.
      while case let number = next.take(), number < tasks {
        let task = list.records.at + (tasks - 1 - number) / kvHeads * 8
        shard_host_attend(&attention, call.type, isFew, call.words(task), Int32(number % kvHeads), own)
      }
    }
  }

  /// Enqueues the storing of new keys and values.
  public func append(_ append: KVAppend) throws {
    let state = try append.records()
    let (memory, records) = (state.memory, state.records)
    let heads = append.plan.heads
    guard records.rows > 0, heads.queryHeads > 0 else { return }
    let words = try bytes(of: memory, 4 * records.placesAt, 0)
    let (keys, values) = (try elements(of: append.keys), try elements(of: append.values))
    let queries = try append.queries.map { try elements(of: $0) }
    let angles = try append.angles.map { try bytes(of: $0.memory, 0, 0) }
    let cache = (keys: try bytes(of: append.cache.keys, 0, 0), values: try bytes(of: append.cache.values, 0, 0))
    let type = append.cache.format.hostType
    enqueueParallel(records.rows, grain: 16) { rows in
      var call = shard_host_append(
        kv_heads: Int32(heads.kvHeads), key_size: Int32(heads.keySize), value_size: Int32(heads.valueSize),
        block_length: Int32(append.cache.blockLength), k: keys.floats, v: values.floats, ldk: append.keys.rowStride,
        ldv: append.values.rowStride, rotary_size: Int32(append.angles?.rotary.size ?? 0),
        interleaved: append.angles?.rotary.pairing == .interleaved ? 1 : 0, angles: angles?.floats,
        places: words.address.assumingMemoryBound(to: Int32.self), keys: cache.keys.address,
        values: cache.values.address)
      for row in rows {
        for head in 0..<heads.kvHeads { shard_host_append_token(&call, type, Int32(row), Int32(head)) }
        guard let queries, let stride = append.queries?.rowStride else { continue }
        for head in 0..<heads.queryHeads {
          shard_host_rotate_query(&call, queries.floats + row * stride + head * heads.keySize, Int32(row))
        }
      }
    }
  }
}

extension KVFormat {
  /// What `CShardHost` calls the format.
  fileprivate var hostType: shard_host_kv {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .q8_0: .q8_0
    }
  }
}

/// What the inner loops in C read of an attention; keeps all its memory alive.
private struct HostAttention: Sendable {
  // Addresses inside the owners; the queue orders the accesses of all commands.
  nonisolated(unsafe) let call: shard_host_attention
  let type: shard_host_kv
  /// Bytes of the nodes that tasks leave for the join.
  let nodeByteCount: Int
  private let records: HostDevice.Bytes
  private let owners: [HostDevice.Bytes]

  init(_ attention: Attention, _ state: AttentionPlan.State, on device: HostDevice) throws {
    let (heads, records) = (attention.plan.heads, state.records)
    let words = try device.bytes(of: state.memory, 0, 0)
    let (queries, result) = (try device.elements(of: attention.queries), try device.elements(of: attention.result))
    let cache = (try device.bytes(of: attention.cache.keys, 0, 0), try device.bytes(of: attention.cache.values, 0, 0))
    let slopes = try attention.slopes.map { try device.elements(of: $0) }
    let sinks = try attention.sinks.map { try device.elements(of: $0) }
    let logs = try attention.logSumExp.map { try device.elements(of: $0) }
    let slotFloats = try checkedProduct(records.slotQueries, heads.nodeColumns)
    let table = words.address.assumingMemoryBound(to: Int32.self)
    call = shard_host_attention(
      kv_heads: Int32(heads.kvHeads), group: Int32(heads.group), key_size: Int32(heads.keySize),
      value_size: Int32(heads.valueSize), block_length: Int32(attention.cache.blockLength),
      window: Int32(attention.rule.span.window), causal: attention.rule.span.isCausal ? 1 : 0, scale: attention.scale,
      softcap: attention.rule.softcap ?? 0, q: queries.floats, ldq: attention.queries.rowStride, k: cache.0.address,
      v: cache.1.address, sequences: table + records.sequencesAt, table: table + records.tableAt,
      slopes: slopes?.floats, sinks: sinks?.floats, has_slopes: slopes == nil ? 0 : 1,
      has_sinks: sinks == nil ? 0 : 1, out: result.floats, ldo: attention.result.rowStride, logs: logs?.floats,
      ld_logs: attention.logSumExp?.rowStride ?? 0, has_logs: logs == nil ? 0 : 1, nodes: nil, slot_floats: slotFloats,
      lists: table + records.nodesAt, node_heads: Int32(heads.queryHeads), first_head: 0,
      as_nodes: attention.plan.cutsKeys ? 1 : 0, out_node_floats: attention.nodeStride)
    type = attention.cache.format.hostType
    nodeByteCount = try checkedProduct(4, records.slots, slotFloats)
    self.records = words
    owners = [queries, result, cache.0, cache.1] + [slopes, sinks, logs].compactMap { $0 }
  }

  /// The record that begins with word `index`.
  func words(_ index: Int) -> UnsafePointer<Int32> {
    UnsafePointer(records.address.assumingMemoryBound(to: Int32.self) + index)
  }

  /// The call for tasks, whose nodes go to `nodes`.
  func attend(_ nodes: HostMemory) -> shard_host_attention {
    var call = call
    call.nodes = nodes.address.assumingMemoryBound(to: Float.self)
    return call
  }

  /// The same for the join, to which each query head is one of its own.
  func join(_ nodes: HostMemory) -> shard_host_attention {
    var join = attend(nodes)
    join.kv_heads *= join.group
    join.group = 1
    return join
  }
}
