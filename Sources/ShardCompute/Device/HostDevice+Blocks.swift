// SPDX-License-Identifier: Apache-2.0
import CShardHost

// Quantised weights on the CPU fallback.
extension HostDevice {
  /// Enqueues the rearrangement of blocks into the panels of `weight`.
  public func pack(blocks: DeviceMemory, into weight: Weight) throws {
    try weight.checkBlocks(blocks)
    guard weight.memory.byteCount > 0 else { return }
    let from = try bytes(of: blocks, 0, blocks.byteCount)
    let first = weight.firstByte
    let target = try bytes(of: weight.memory, first, weight.memory.byteCount - first)
    let (format, rows, columns) = (weight.format.hostFormat, weight.rows, weight.columns)
    enqueueParallel(weight.panelCount, grain: max(1, weight.panelCount / (4 * workers))) { panels in
      shard_host_pack_blocks(
        format, from.address, rows, columns, target.address, panels.lowerBound, panels.upperBound)
    }
  }

  /// Enqueues the sums of A over the groups of the weight's columns, in panels of `width` rows; nil where the format
  /// has no offsets that need them.
  func enqueueGroupSums(_ product: Product, a: Bytes, width: Int) throws -> HostMemory? {
    let format = product.weight.format
    guard format.blocks.hasOffsets else { return nil }
    let group = format.groupLength
    let panels = (product.m + width - 1) / width
    let sums = try hostScratch(
      .groupSums, byteCount: checkedProduct(panels, width, product.k / group, 4))
    enqueueParallel(panels, grain: max(1, (1 << 16) / max(1, width * product.k))) { range in
      var matrix = product.a.hostMatrix(at: a.address)
      shard_host_group_sums(
        &matrix, group, width, sums.address.assumingMemoryBound(to: Float.self), range.lowerBound, range.upperBound)
    }
    return sums
  }
}

extension WeightFormat {
  /// What `CShardHost` calls the format.
  var hostFormat: shard_host_format {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .q8_0: .q8_0
    case .q4_0: .q4_0
    case .q4_1: .q4_1
    case .q5_0: .q5_0
    case .q5_1: .q5_1
    case .iq4_nl: .iq4_nl
    case .q4_K: .q4_K
    case .q5_K: .q5_K
    case .q6_K: .q6_K
    }
  }
}
