// SPDX-License-Identifier: Apache-2.0

/// The sizes of panels and register tiles that suit a device; a weight's layout depends on them.
struct TileShapes: Hashable, Sendable {
  /// Rows of A in a panel.
  let activationPanelWidth: Int
  /// Rows of a weight in a panel.
  let weightPanelWidth: Int
  /// Floats of a vector in the kernels.
  let vector: Int
  /// Bytes of one row that lie side by side in the panels of a quantised weight: what a lane reads at a time.
  let laneByteCount: Int

  /// - Parameter isPoCL: whether PoCL's LLVM compiles the kernels. It keeps 28 sums, a row of the weight and a number in
  ///   32 registers; Intel's compiler was faster with 24 sums at every size tried.
  init(_ capabilities: Capabilities, isPoCL: Bool) {
    switch (capabilities.architecture, capabilities.vectorWidth) {
    case (.gpu, _): (activationPanelWidth, weightPanelWidth, vector) = (32, 32, 4)
    case (_, 16...): (activationPanelWidth, weightPanelWidth, vector) = (isPoCL ? 14 : 12, 32, 16)
    case (_, 8...): (activationPanelWidth, weightPanelWidth, vector) = (6, 16, 8)
    default: (activationPanelWidth, weightPanelWidth, vector) = (4, 8, 4)
    }
    laneByteCount = capabilities.architecture == .gpu ? 4 : 1
  }

  /// Steps of k that kernels fetch a panel of `weight` ahead: 4 KB, which measured best for every element type.
  func prefetch(_ weight: WeightFormat) -> Int {
    max(1, 4096 / (weightPanelWidth * (weight.elementType?.byteCount ?? 1)))
  }

  /// Build options for kernels over register tiles (`common/tiles`).
  func options(rows: Int, _ weight: WeightFormat) -> [String] {
    ["-DROWS=\(rows)", "-DNR=\(weightPanelWidth)", "-DVECTOR=\(vector)", "-DB_TYPE=\(weight.kernelName)"]
  }

  /// Build options for kernels over register tiles and quantised weights (`common/block_vectors`).
  func blockOptions(rows: Int, _ weight: WeightFormat) -> [String] {
    ["-DROWS=\(rows)", "-DNR=\(weightPanelWidth)", "-DVECTOR=\(vector)", "-DFORMAT=\(weight.kernelName)"]
  }
}
