// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// The size of a launch whose items have nothing to do with each other: one in each work-group on CPU devices; on GPUs,
  /// where it takes a whole warp or wave to run one, a work-group along the first dimension, which the last ones pass the
  /// end of: kernels return there.
  func size(items: [Int]) -> LaunchSize {
    let width = capabilities.architecture == .gpu ? min(64, capabilities.maximumWorkGroupSize) : 1
    let local = [width] + [Int](repeating: 1, count: items.count - 1)
    return LaunchSize(global: [(items[0] + width - 1) / width * width] + items.dropFirst(), local: local)
  }
}
