// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues the rearrangement of blocks into the panels of `weight`.
  public func pack(blocks: DeviceMemory, into weight: Weight) throws {
    try weight.checkBlocks(blocks)
    guard weight.rows > 0, weight.columns > 0 else { return }
    let blocksPerRow = weight.columns / weight.format.blockLength
    guard max(weight.rows, blocksPerRow) <= Int(Int32.max) - 64 else {
      throw ComputeError.unsupported("a matrix of \(weight.rows) × \(weight.columns); kernels count in 31 bits")
    }
    let kernel = try library.kernel(
      "gemm/repack",
      options: [
        "-DFORMAT=\(weight.format.kernelName)", "-DWIDTH=\(weight.panelWidth)", "-DLANE_BYTES=\(tiles.laneByteCount)",
      ])
    try kernel.launch(
      on: queue, size: size(items: [blocksPerRow, weight.panelCount]),
      arguments: [
        .int(Int32(weight.rows)), .int(Int32(blocksPerRow)), .buffer(try buffer(blocks)),
        .buffer(try buffer(weight.memory)), .long(Int64(weight.firstByte)),
      ])
  }
}
