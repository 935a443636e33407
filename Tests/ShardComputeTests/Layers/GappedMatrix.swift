// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A row-major matrix on a device with guard words around it and between its rows.
struct GappedMatrix {
  let device: any ComputeDevice
  let view: MatrixView
  private static let guards = 19
  private static let guardWord = Float(bitPattern: 0x7fc0_dead)

  init(_ device: any ComputeDevice, _ values: [Float], rows: Int, columns: Int, gap: Int = 0) throws {
    let stride = columns + gap
    var all = [Float](repeating: Self.guardWord, count: 2 * Self.guards + rows * stride)
    for (index, value) in values.enumerated() { all[Self.guards + index / columns * stride + index % columns] = value }
    self.device = device
    view = try MatrixView(
      device.upload(all), rows: rows, columns: columns, leadingDimension: stride, offset: Self.guards)
  }

  /// The elements, and whether all guard words are as they were.
  func contents() async throws -> (values: [Float], isIntact: Bool) {
    var all = try await device.download(view.memory, as: Float.self)
    var values: [Float] = []
    values.reserveCapacity(view.rows * view.columns)
    for row in 0..<view.rows {
      for column in 0..<view.columns {
        let at = Self.guards + row * view.rowStride + column
        values.append(all[at])
        all[at] = Self.guardWord
      }
    }
    return (values, all.allSatisfy { $0.bitPattern == Self.guardWord.bitPattern })
  }
}
