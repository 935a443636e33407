// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Which devices are tuned for which products: each kind of device once, each class of products once.
package struct TuningPlan: Sendable {
  /// One device of each kind.
  package let devices: [OpenCLDevice]
  /// One product of each class.
  package let shapes: [TuningShape]

  /// A plan for `devices`; the CPU fallback has no parameters and is left out.
  package init(_ devices: [any ComputeDevice], _ shapes: [TuningShape]) throws {
    var kinds: Set<TunedDevice> = []
    self.devices = try devices.compactMap { $0 as? OpenCLDevice }.filter { kinds.insert(try $0.identity()).inserted }
    var classes: Set<ShapeClass> = []
    self.shapes = shapes.filter { classes.insert($0.shapeClass).inserted }
  }

  /// Searches, `seconds` for each, and keeps what is faster than the formula in `database`; nil keeps nothing.
  ///
  /// - Parameters:
  ///   - progress: told how much is done, 0 to 1, and what is being tuned.
  ///   - record: told each result.
  /// - Throws: `ComputeError`; the driver's error.
  package func run(
    seconds: Double, seed: UInt64 = 1, storingIn database: TuningDatabase?,
    progress: @escaping (Double, String) -> Void = { _, _ in }, record: (TuningRecord) throws -> Void
  ) async throws {
    let total = Double(devices.count * shapes.count)
    var done = 0.0
    for device in devices {
      let tuner = Tuner(device, seconds: seconds, seed: seed)
      for shape in shapes {
        let before = done / total
        let name = "\(device.selector) \(shape.m)x\(shape.n)x\(shape.k) \(shape.format.rawValue)"
        progress(before, name)
        let result = try await tuner.tune(shape) { progress(before + $0 / total, name) }
        let file = try database?.store(result, on: device)
        done += 1
        try record(TuningRecord(device, result, stored: file?.path))
      }
    }
  }
}
