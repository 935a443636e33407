// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The arithmetic limit of a mesh, measured: an fma loop in registers on all its devices at the same time.
enum PeakMeter {
  /// Whether every device of `mesh` has such a loop.
  static func canMeasure(_ mesh: DeviceMesh) -> Bool { mesh.ranks.allSatisfy { $0.device is HostDevice } }

  /// Floating-point operations per second of all devices together.
  static func operationsPerSecond(of mesh: DeviceMesh) async throws -> Double {
    // Several ranks on one device have no more than that device.
    var devices: [any ComputeDevice] = []
    for rank in mesh.ranks where !devices.contains(where: { $0 === rank.device }) { devices.append(rank.device) }
    return try await withThrowingTaskGroup(of: Double.self) { group in
      for device in devices {
        group.addTask {
          switch device {
          case let host as HostDevice: try await host.measureFMAPeak()
          default: 0
          }
        }
      }
      return try await group.reduce(0, +)
    }
  }
}
