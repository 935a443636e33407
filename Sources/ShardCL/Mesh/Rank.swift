// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// One member of a mesh: a device or sub-device and its place in the order.
public final class Rank: Sendable {
  /// Position in the mesh, from 0.
  public let index: Int
  /// What runs this rank's part.
  public let device: any ComputeDevice

  /// The rank at `index` on `device`.
  public init(index: Int, device: any ComputeDevice) {
    self.index = index
    self.device = device
  }
}
