// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues a look-up: `embedding/rows`, once for each piece of the weight.
  public func lookUp(_ look: LookUp) throws {
    let (tokens, columns) = (look.ids.count, look.weight.columns)
    guard tokens > 0, columns > 0 else { return }
    try checkKernelSizes(max(tokens, look.weight.rows), columns)
    try look.weight.checkPanels(on: self)
    let kernel = try library.kernel("embedding/rows", options: [])
    // Groups of 16 or 32 columns for each work-item, so that many read at the same time.
    let group = look.weight.format.lookUpColumns
    let run = capabilities.architecture == .gpu ? 1 : 8
    let items = (columns + run * group - 1) / (run * group)
    let width = capabilities.architecture == .gpu ? 32 : 1
    for (index, part) in look.weight.parts.enumerated() {
      try kernel.launch(
        on: queue, size: LaunchSize(global: [tokens, (items + width - 1) / width * width], local: [1, width]),
        arguments: [
          .int(Int32(tokens)), .int(Int32(columns)), .int(Int32(part.rows.count)),
          .int(Int32(look.firstID + part.rows.lowerBound)), .int(Int32(look.vocabulary)), .int(index == 0 ? 0 : 1),
          .int(Int32(run)), .float(look.scale),
        ] + indexArguments(look.ids) + [
          .buffer(try buffer(part.weight.memory)), .long(Int64(part.weight.firstByte)),
          .int(look.weight.format.lookUpNumber), .int(Int32(look.weight.panelWidth)),
          .int(Int32(tiles.laneByteCount)),
        ] + matrixArguments(look.result))
    }
  }
}

extension WeightFormat {
  /// The format's number in look-ups (`common/look_up`).
  var lookUpNumber: Int32 { Int32(bitPattern: hostFormat.rawValue) }
  /// Columns that a look-up unpacks together.
  var lookUpColumns: Int { isQuantised ? groupLength : 32 }
}
