// SPDX-License-Identifier: Apache-2.0

/// The sizes of panels and register tiles that suit a device; a weight's layout depends on them.
struct TileShapes: Hashable, Sendable {
  /// Rows of A in a panel.
  let activationPanelWidth: Int
  /// Rows of a weight in a panel.
  let weightPanelWidth: Int
  /// Floats of a vector in the kernels.
  let vector: Int

  init(_ capabilities: Capabilities) {
    switch (capabilities.architecture, capabilities.vectorWidth) {
    case (.gpu, _): (activationPanelWidth, weightPanelWidth, vector) = (32, 32, 4)
    case (_, 16...): (activationPanelWidth, weightPanelWidth, vector) = (14, 32, 16)
    case (_, 8...): (activationPanelWidth, weightPanelWidth, vector) = (6, 16, 8)
    default: (activationPanelWidth, weightPanelWidth, vector) = (4, 8, 4)
    }
  }

  /// Build options for kernels over register tiles (`common/tiles`).
  func options(rows: Int, _ weight: ElementType) -> [String] {
    ["-DROWS=\(rows)", "-DNR=\(weightPanelWidth)", "-DVECTOR=\(vector)", "-DB_TYPE=\(weight.kernelName)"]
  }
}
