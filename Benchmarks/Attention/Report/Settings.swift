// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// What the figures depend on beside the works.
struct Settings {
  let opened: DeviceSettings
  /// Version and threads of PyTorch, or why there is none.
  let torch: String
  let seconds: Double

  /// Lines above the table.
  var lines: [String] {
    [
      "\(opened.line); \(opened.pinning)",
      "# PyTorch: \(torch)",
      "# peers: causal, a causal attention of 1024; read and copy, loops over memory; half, one half of the device",
      "# ratio: how many times as fast as the peer at as much work, the median of rounds in turns",
    ]
  }
}
