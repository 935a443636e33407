// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute

/// What the figures depend on beside the works.
struct Settings {
  let device: any ComputeDevice
  /// Platform and driver version; empty for the CPU fallback.
  let driver: String
  let areThreadsPinned: Bool
  let peers: [(name: PeerName, details: String)]
  let seconds: Double

  init(device: any ComputeDevice, areThreadsPinned: Bool, peers: [Comparison.Contestant], seconds: Double) throws {
    self.device = device
    self.areThreadsPinned = areThreadsPinned
    self.peers = peers.map { ($0.name, $0.peer.details) }
    self.seconds = seconds
    let opened = (device as? OpenCLDevice)?.device
    driver = try opened.map { "\($0.platform.name) \(try $0.driverVersion)" } ?? ""
  }

  /// Lines above the table.
  var lines: [String] {
    ["# device: \(device.selector), \(device.name)" + (driver.isEmpty ? "" : ", \(driver)")]
      + peers.map { "# \($0.name.title): \($0.details)" }
      + [
        "# limits: an fma loop and a read loop on \(device.selector) in the same rounds; "
          + "PoCL's threads \(areThreadsPinned ? "pinned" : "not pinned")",
        "# GB/s: bytes of the stored weight. of PEER: how many times as fast, the median of rounds in turns",
      ]
  }
}
