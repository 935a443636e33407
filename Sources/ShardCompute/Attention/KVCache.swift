// SPDX-License-Identifier: Apache-2.0

/// The keys and values of one layer on one device, in blocks that sequences share among them ("paged": Kwon et al. 2023,
/// https://arxiv.org/abs/2309.06180).
///
/// A block has `blockLength` keys of all KV heads. Which blocks a sequence has, in which order, is said by a `KVSequence`;
/// a cache of one block for each sequence is a contiguous one. `Kernels/common/attention` has the layout.
public struct KVCache: Sendable {
  /// Sizes of the heads that are here.
  public let heads: AttentionHeads
  /// How numbers are stored.
  public let format: KVFormat
  /// Number of blocks.
  public let blocks: Int
  /// Keys of a block, a multiple of 32.
  public let blockLength: Int
  let keys: DeviceMemory
  let values: DeviceMemory

  /// The keys of a panel: what lies side by side.
  static let panel = 32

  /// Bytes on the device.
  public var byteCount: Int { keys.byteCount + values.byteCount }

  /// Allocates a cache, contents undefined.
  ///
  /// - Throws: `ComputeError.mismatch` for a block length that is not possible, or heads that `format` cannot store;
  ///   `.allocationTooLarge`, `.outOfMemory`, or the driver's error.
  public init(
    on device: any ComputeDevice, heads: AttentionHeads, format: KVFormat = .f16, blocks: Int, blockLength: Int = 128
  ) throws {
    guard (1...1 << 30).contains(blockLength), blockLength.isMultiple(of: Self.panel),
      (0...Int(Int32.max) / blockLength).contains(blocks)
    else {
      throw ComputeError.mismatch(
        "\(blocks) blocks of \(blockLength) keys; a length is a multiple of \(Self.panel), all keys are counted in 31 bits"
      )
    }
    guard
      blockLength.isMultiple(of: AttentionOrder.chunk) || AttentionOrder.chunk.isMultiple(of: blockLength)
    else {
      throw ComputeError.mismatch(
        "blocks of \(blockLength) keys; the length divides \(AttentionOrder.chunk) or is a multiple of it")
    }
    try format.check(heads)
    self.heads = heads
    self.format = format
    self.blocks = blocks
    self.blockLength = blockLength
    let rows = try checkedProduct(blocks, blockLength / Self.panel, heads.kvHeads, format.panelByteCount)
    keys = try device.allocate(byteCount: checkedProduct(rows, heads.keySize))
    let valuePanels = (heads.valueSize + Self.panel - 1) / Self.panel
    values = try device.allocate(byteCount: checkedProduct(rows, valuePanels, Self.panel))
  }
}
