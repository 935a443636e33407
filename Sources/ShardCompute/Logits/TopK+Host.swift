// SPDX-License-Identifier: Apache-2.0
import CShardHost

extension HostDevice {
  /// Enqueues the search for the largest values: those of parts of rows, then those of all parts.
  public func findTop(_ top: TopK) throws {
    guard top.rows > 0 else { return }
    try checkKernelSizes(top.rows, top.columns)
    let result = try bytes(of: top.result.memory, 0, 0)
    let ids = try top.ids.map(numbers(of:))
    switch top.source {
    case .candidates(let candidates):
      try enqueueMerge(top, bytes(of: candidates.memory, 0, 0), count: candidates.count, into: result, ids)
    case .matrix(let x, let firstIndex, let scale):
      let from = try elements(of: x)
      let wanted = max(1, 2 * workers / top.rows)
      let run = max(4096, (x.columns + wanted - 1) / wanted)
      let parts = max(1, (x.columns + run - 1) / run)
      try workspace.together {
        var target = result
        if parts > 1 {
          let block = try hostScratch(.candidates, byteCount: checkedProduct(top.rows, parts, top.k, 8))
          target = Bytes(address: block.address, owner: block)
        }
        let (best, places) = (target, parts == 1 ? ids : nil)
        enqueueParallel(top.rows * parts, grain: 1) { range in
          var call = shard_host_top_k_part(
            n: x.columns, k: top.k, run: run, parts: parts, column: Int64(firstIndex), scale: scale.factor,
            cap: scale.cap, x: from.floats, ldx: x.rowStride, candidates: nil, best: best.candidates,
            ids: places?.numbers)
          shard_host_top_k(&call, range.lowerBound, range.upperBound)
        }
        if parts > 1 { try enqueueMerge(top, target, count: parts * top.k, into: result, ids) }
      }
    }
  }

  private func enqueueMerge(_ top: TopK, _ from: Bytes, count: Int, into result: Bytes, _ ids: Bytes?) throws {
    enqueueParallel(top.rows, grain: rowGrain(count)) { range in
      var call = shard_host_top_k_part(
        n: count, k: top.k, run: max(1, count), parts: 1, column: 0, scale: 1, cap: 0, x: nil, ldx: 0,
        candidates: from.candidates, best: result.candidates, ids: ids?.numbers)
      shard_host_top_k(&call, range.lowerBound, range.upperBound)
    }
  }
}

extension HostDevice.Bytes {
  fileprivate var candidates: UnsafeMutablePointer<UInt64> { address.assumingMemoryBound(to: UInt64.self) }
}
