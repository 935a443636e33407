// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

extension OpenCLDevice {
  /// Enqueues activations, gates or factors: `elementwise/activate`.
  public func apply(_ operation: Elementwise) throws {
    let (rows, columns) = operation.extent
    guard rows > 0, columns > 0 else { return }
    try checkKernelSizes(operation.x.rows, operation.x.columns)
    // About 16 K elements for each work-item on CPUs, fewer where not every unit would get four.
    let isGPU = capabilities.architecture == .gpu
    let share = min(1 << 14, rows * columns / (4 * capabilities.computeUnits))
    let run = isGPU ? 1 : max(64, min((columns + 63) & ~63, share & ~63))
    // Drivers of GPUs count groups of the second dimension in 16 bits.
    let lines = isGPU ? (rows + 65534) / 65535 : max(1, share / columns)
    let width = isGPU ? 64 : 1
    let items = ((columns + run - 1) / run + width - 1) / width * width
    try library.kernel("elementwise/activate", options: isGPU ? [] : ["-DFUNCTION_LANES=\(tiles.vector)"]).launch(
      on: queue, size: LaunchSize(global: [items, (rows + lines - 1) / lines], local: [width, 1]),
      arguments: [
        .int(Int32(rows)), .long(Int64(columns)), .int(Int32(run)), .int(Int32(lines)),
        .int(operation.activation.number), .int(operation.up == nil ? 0 : 1), .int(Int32(operation.step)),
        .float(operation.scale),
      ] + matrixArguments(operation.x) + matrixArguments(operation.up) + matrixArguments(operation.result))
  }
}

extension Epilogue.Activation {
  /// The activation's number in kernels (`common/functions`).
  fileprivate var number: Int32 {
    switch self {
    case .none: 0
    case .relu: 1
    case .reluSquared: 2
    case .silu: 3
    case .gelu: 4
    case .geluTanh: 5
    }
  }
}
