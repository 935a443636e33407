// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues an attention: `attention/panels` on CPU devices, `attention/lanes` on GPUs; `attention/join` where tasks share
  /// queries.
  public func attend(_ attention: Attention) throws {
    let state = try attention.plan.current()
    let records = state.records
    try attention.check(records)
    guard records.rows > 0, attention.plan.heads.queryHeads > 0 else { return }
    try workspace.together {
      let launch = try AttentionLaunch(attention, state, on: self)
      try launch.attend(records.many, isFew: false)
      try launch.attend(records.few, isFew: true)
      try launch.join()
    }
  }
}

/// What the kernels of one attention share.
private struct AttentionLaunch {
  let attention: Attention
  let records: AttentionRecords
  let device: OpenCLDevice
  let recordBuffer: Buffer
  let nodes: Buffer
  let slotFloats: Int
  private var heads: AttentionHeads { attention.plan.heads }
  private var isGPU: Bool { device.capabilities.architecture == .gpu }

  init(_ attention: Attention, _ state: AttentionPlan.State, on device: OpenCLDevice) throws {
    self.attention = attention
    records = state.records
    self.device = device
    recordBuffer = try device.buffer(state.memory)
    slotFloats = try checkedProduct(records.slotQueries, attention.plan.heads.nodeColumns)
    nodes = try device.buffer(
      device.workspace.memory(
        .attentionNodes, byteCount: checkedProduct(4, records.slots, slotFloats), allocate: device.allocate))
  }

  func attend(_ list: AttentionRecords.TaskList, isFew: Bool) throws {
    guard list.records.count > 0 else { return }
    let tile = AttentionTile(heads, isFew: isFew, on: device)
    let kernel = try device.library.kernel(tile.kernel, options: tile.options(attention.cache.format, on: device))
    let tasks = try checkedProduct(list.records.count, heads.kvHeads)
    let groups = min(tasks, device.capabilities.computeUnits * (isGPU ? 16 : 1))
    let workFloats = try tile.workFloats(heads, rows: list.rows, levels: list.levels)
    let work = try device.workspace.memory(
      .attention, byteCount: checkedProduct(4, groups, workFloats), allocate: device.allocate)
    let counter = try device.workspace.memory(.attentionCounter, byteCount: 4) { byteCount in
      let memory = try device.allocate(byteCount: byteCount)
      try device.write(HostMemory(byteCount: byteCount), at: 0, byteCount: byteCount, to: memory, at: 0)
      return memory
    }
    let arguments: [KernelArgument] =
      try shapes + queries + cache + [
        .buffer(recordBuffer), .int(Int32(records.sequencesAt)), .int(Int32(records.tableAt)),
        .int(Int32(list.records.at)), .int(Int32(tasks)),
      ] + device.optional(attention.slopes) + device.optional(attention.sinks) + results + [
        .buffer(nodes), .long(Int64(slotFloats)), .buffer(try device.buffer(counter)), .buffer(try device.buffer(work)),
        .long(Int64(workFloats)),
      ] + (isGPU ? [.local(byteCount: 4 * tile.rows * heads.keySize)] : [])
    try kernel.launch(
      on: device.queue, size: LaunchSize(global: [groups * tile.lanes], local: [tile.lanes]), arguments: arguments)
  }

  func join() throws {
    try device.launchJoin(
      NodeJoin(
        heads: 0..<heads.queryHeads, of: heads, records: recordBuffer, queries: records.joined,
        listsAt: records.nodesAt, sinks: attention.sinks, asNodes: attention.plan.cutsKeys, result: attention.result,
        nodeStride: attention.nodeStride, logSumExp: attention.logSumExp, nodes: nodes, slotFloats: slotFloats))
  }

  private var shapes: [KernelArgument] {
    [
      .int(Int32(heads.kvHeads)), .int(Int32(heads.group)), .int(Int32(heads.keySize)), .int(Int32(heads.valueSize)),
      .int(Int32(attention.cache.blockLength)), .int(attention.rule.span.isCausal ? 1 : 0),
      .int(Int32(attention.rule.span.window)), .float(attention.scale), .float(attention.rule.softcap ?? 0),
    ]
  }

  private var queries: [KernelArgument] {
    get throws {
      [
        .buffer(try device.buffer(attention.queries.memory)), .long(Int64(attention.queries.offset)),
        .long(Int64(attention.queries.rowStride)),
      ]
    }
  }

  private var cache: [KernelArgument] {
    get throws {
      [.buffer(try device.buffer(attention.cache.keys)), .buffer(try device.buffer(attention.cache.values))]
    }
  }

  private var results: [KernelArgument] {
    get throws {
      let result = attention.result
      return [
        .buffer(try device.buffer(result.memory)), .long(Int64(result.offset)), .long(Int64(result.rowStride)),
      ] + (try device.optional(attention.logSumExp)) + [.long(Int64(attention.logSumExp?.rowStride ?? 0))]
    }
  }
}

/// The tile of a kernel for attention.
private struct AttentionTile {
  let kernel: String
  let rows: Int
  let lanes: Int

  init(_ heads: AttentionHeads, isFew: Bool, on device: OpenCLDevice) {
    if device.capabilities.architecture == .gpu {
      kernel = "attention/lanes"
      lanes = 64
      // Queries lie in local memory, beside half of it for all the rest.
      let fitting = device.capabilities.localMemoryByteCount / 2 / (4 * heads.keySize)
      rows = [16, 8, 4, 2].first { $0 <= (isFew ? 4 : 16) && $0 <= fitting } ?? 1
    } else {
      kernel = "attention/panels"
      lanes = 1
      rows = isFew ? 4 : device.tiles.activationPanelWidth
    }
  }

  func options(_ format: KVFormat, on device: OpenCLDevice) -> [String] {
    let common = ["-DROWS=\(rows)", "-DKV_TYPE=\(format.kernelName)"]
    if lanes > 1 { return common }
    return common + ["-DVECTOR=\(device.tiles.vector)", "-DNR=\(device.tiles.weightPanelWidth)"]
  }

  /// Floats of work memory of a work-group, which `Kernels/common/attention_tiles` and `attention/lanes` lay out.
  func workFloats(_ heads: AttentionHeads, rows taskRows: Int, levels: Int) throws -> Int {
    let columns = (heads.valueSize + KVCache.panel - 1) / KVCache.panel * KVCache.panel
    if lanes > 1 { return try checkedProduct(levels + 1, rows, columns + 2) }
    let tiles = (taskRows + rows - 1) / rows
    let waiting = try checkedProduct(levels, tiles, 2 * ((rows + 15) / 16 * 16) + rows * columns)
    return try 2 * rows * (AttentionOrder.chunk + 16) + checkedProduct(tiles, rows, heads.keySize) + waiting
  }
}
