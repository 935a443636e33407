// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// What the figures depend on beside the works.
struct Settings {
  let opened: DeviceSettings
  let peers: [(name: PeerName, details: String)]
  let seconds: Double

  init(opened: DeviceSettings, peers: [Comparison.Contestant], seconds: Double) {
    self.opened = opened
    self.peers = peers.map { ($0.name, $0.peer.details) }
    self.seconds = seconds
  }

  /// Lines above the table.
  var lines: [String] {
    [opened.line] + peers.map { "# \($0.name.title): \($0.details)" }
      + [
        "# limits: an fma loop and a read loop on \(opened.device.selector) in the same rounds; \(opened.pinning)",
        "# GB/s: bytes of the stored weight. of PEER: how many times as fast, the median of rounds in turns",
      ]
  }
}
