// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// The arithmetic limit of a mesh, measured: an fma loop in registers on all its devices at the same time.
struct PeakMeter {
  /// Several ranks on one device have no more than that device.
  private let devices: [any ComputeDevice]
  private let steps: Int
  /// Seconds of one run that are long against the start of a kernel, and short against a product.
  private static let seconds = 0.01

  /// Finds how many steps take long enough to be measured.
  init(_ mesh: DeviceMesh) async throws {
    var devices: [any ComputeDevice] = []
    for rank in mesh.ranks where !devices.contains(where: { $0 === rank.device }) { devices.append(rank.device) }
    var steps = 1 << 10
    // The first run may compile.
    _ = try await Self.run(devices, steps)
    while steps < 1 << 28, try await Self.run(devices, steps).seconds < Self.seconds { steps *= 2 }
    self.devices = devices
    self.steps = steps
  }

  /// Floating-point operations per second of all devices together.
  func operationsPerSecond() async throws -> Double {
    let run = try await Self.run(devices, steps)
    return run.operations / run.seconds
  }

  private static func run(
    _ devices: [any ComputeDevice], _ steps: Int
  ) async throws -> (operations: Double, seconds: Double) {
    for device in devices { try await device.finish() }
    let start = ContinuousClock.now
    let operations = try devices.reduce(0) { try $0 + $1.enqueueFMALoop(steps: steps) }
    for device in devices { try await device.finish() }
    return (operations, start.duration(to: .now).seconds)
  }
}
