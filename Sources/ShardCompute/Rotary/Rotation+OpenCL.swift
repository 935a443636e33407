// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues a rotary embedding of rows: `rotary/rows`.
  public func rotate(_ rotation: Rotation) throws {
    let x = rotation.x
    guard x.rows > 0, x.columns > 0 else { return }
    try rotation.checkSizes()
    let isGPU = capabilities.architecture == .gpu
    // About 16 K elements for each work-item on CPUs, fewer where not every unit would get four; heads of a row are
    // shared where one has more.
    let share = max(1, min(1 << 14, x.rows * x.columns / (4 * capabilities.computeUnits)))
    let run = isGPU ? 1 : max(1, share / x.columns)
    // On GPUs 32 work-items turn a head, two heads in a work-group; drivers count groups of this dimension in 16 bits.
    let width = isGPU ? 32 : 1
    let parts = isGPU ? min((rotation.heads + 1) / 2, 65535) * 2 : min(rotation.heads, (x.columns + share - 1) / share)
    let rotary = rotation.angles.rotary
    let (first, vector) = rotation.start
    try library.kernel("rotary/rows", options: isGPU ? [] : ["-DFUNCTION_LANES=\(tiles.vector)"]).launch(
      on: queue,
      size: LaunchSize(
        global: [(x.rows + run - 1) / run * width, parts], local: [width, isGPU ? 2 : 1]),
      arguments: [
        .int(Int32(x.rows)), .int(Int32(rotation.heads)), .int(Int32(rotation.headSize)), .int(Int32(run)),
        .int(Int32(rotary.size)), .int(rotary.pairing == .interleaved ? 1 : 0), .int(Int32(rotation.angles.count)),
        .buffer(try buffer(rotation.angles.memory)), .int(first), .int(vector == nil ? 0 : 1),
      ] + indexArguments(vector) + matrixArguments(x) + matrixArguments(rotation.result))
  }
}
