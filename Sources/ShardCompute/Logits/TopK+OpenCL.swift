// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues the search for the largest values: `logits/top_k` on CPU devices, `logits/top_k_tiles` on GPUs. Parts of
  /// rows make candidates, and parts of these, until each row has one part.
  public func findTop(_ top: TopK) throws {
    guard top.rows > 0 else { return }
    try checkKernelSizes(top.rows, top.columns)
    let isGPU = capabilities.architecture == .gpu
    let (name, items) = (isGPU ? "logits/top_k_tiles" : "logits/top_k", rowItems)
    let kernel = try library.kernel(name, options: rowOptions)
    try workspace.together {
      var (columns, from, purpose): (Int, DeviceMemory?, Workspace.Purpose) = (top.columns, nil, .candidates)
      if case .candidates(let candidates) = top.source { from = candidates.memory }
      while true {
        let run = isGPU ? 1024 : partLength(columns, rows: top.rows, isMerge: from != nil)
        let parts = max(1, (columns + run - 1) / run)
        let target =
          parts == 1
          ? top.result.memory
          : try workspace.memory(
            purpose, byteCount: CandidateMatrix.byteCount(rows: top.rows, count: checkedProduct(parts, top.k)),
            allocate: allocate)
        try kernel.launch(
          on: queue, size: LaunchSize(global: [top.rows * items, parts], local: [items, 1]),
          arguments: [.int(Int32(columns)), .int(Int32(top.k))] + (isGPU ? [] : [.int(Int32(run))])
            + arguments(top, from: from, into: target, isLast: parts == 1))
        if parts == 1 { return }
        (columns, from) = (parts * top.k, target)
        purpose = purpose == .candidates ? .fewerCandidates : .candidates
      }
    }
  }

  /// Columns of a part on CPU devices: enough parts for all units, none so short that merging costs more.
  private func partLength(_ columns: Int, rows: Int, isMerge: Bool) -> Int {
    if isMerge { return max(1, columns) }
    let parts = max(1, 2 * capabilities.computeUnits / rows)
    return max(4096, (columns + parts - 1) / parts + 15) & ~15
  }

  private func arguments(
    _ top: TopK, from: DeviceMemory?, into target: DeviceMemory, isLast: Bool
  ) throws -> [KernelArgument] {
    let nothing = DeviceMemory(byteCount: 0, storage: .empty)
    var (x, firstIndex, scale): (MatrixView?, Int, ScoreScale?) = (nil, 0, nil)
    if from == nil, case .matrix(let matrix, let first, let its) = top.source {
      (x, firstIndex, scale) = (matrix, first, its)
    }
    let ids = isLast ? top.ids : nil
    return [
      .int(from == nil ? 0 : 1), .int(ids == nil ? 0 : 1), .int(Int32(firstIndex)), .float(scale?.factor ?? 1),
      .float(scale?.cap ?? 0),
    ] + (try matrixArguments(x)) + [.buffer(try buffer(from ?? nothing)), .buffer(try buffer(target))]
      + (try indexArguments(ids))
  }
}
