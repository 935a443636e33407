// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import OpenCLKit
import ShardCL
import ShardCompute

/// The ranks, and what the figures depend on beside the works.
struct Settings {
  let mesh: DeviceMesh
  /// Platform and driver version of the first rank; empty for the CPU fallback.
  let driver: String
  let areThreadsPinned: Bool
  let seconds: Double
  /// Version and processes of Open MPI, or why there is none.
  var peer = ""

  /// Opens the ranks. Their threads, which sleep between commands, are pinned to cores as Open MPI's processes are.
  init(opening selectors: String, seconds: Double) throws {
    areThreadsPinned = DriverEnvironment.pinPoCLThreads()
    mesh = try DeviceMesh(selecting: selectors)
    let opened = (mesh.ranks[0].device as? OpenCLDevice)?.device
    driver = try opened.map { "\($0.platform.name) \(try $0.driverVersion)" } ?? ""
    self.seconds = seconds
  }

  var transport: String { mesh.communicator.transportKind.rawValue }

  /// Lines above the table.
  var lines: [String] {
    [
      "# ranks: \(mesh), \(mesh.ranks[0].device.name)" + (driver.isEmpty ? "" : ", \(driver)")
        + "; PoCL's threads \(areThreadsPinned ? "pinned" : "not pinned"); transport \(transport)",
      "# Open MPI: \(peer)",
      "# us: one all-reduce of f32, out of place, in a chain; alone us: each waited for; GB/s: bytes of an operand per second",
      "# copy us: all ranks copy their input to their output: \(2 * mesh.count) times the operand's bytes, the least that "
        + "an all-reduce has to read and write",
      "# ratio: how many times Open MPI's bandwidth, of copy: copy us / us; medians of rounds in turns",
    ]
  }
}
