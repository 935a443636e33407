// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

// How kernels over rows are built and launched (`common/rows`): a work-item for some rows on CPU devices, a work-group
// for each on GPUs.
extension OpenCLDevice {
  /// Work-items that share a row.
  var rowItems: Int { capabilities.architecture == .gpu ? 128 : 1 }

  /// Build options of kernels over rows.
  ///
  /// - Throws: `ComputeError.unsupported` where the device has no work-groups of that size.
  var rowOptions: [String] {
    get throws {
      guard rowItems <= capabilities.maximumWorkGroupSize else {
        throw ComputeError.unsupported(
          "rows in work-groups of \(rowItems); \(name) has at most \(capabilities.maximumWorkGroupSize) work-items")
      }
      return capabilities.architecture == .gpu ? ["-DITEMS=\(rowItems)"] : ["-DFUNCTION_LANES=\(tiles.vector)"]
    }
  }

  /// A launch over `rows` rows of `elements` each, and the rows of a work-group: on CPU devices about 32 K elements,
  /// fewer where not every unit would get four groups.
  func rowLaunch(_ rows: Int, elements: Int) -> (size: LaunchSize, run: Int) {
    let run =
      capabilities.architecture == .gpu
      ? 1 : max(1, min((1 << 15) / max(1, elements), rows / (4 * capabilities.computeUnits)))
    return (LaunchSize(global: [(rows + run - 1) / run * rowItems], local: [rowItems]), run)
  }

  /// A matrix as kernels take it: memory, first element, elements from row to row. Nil is memory that is not touched.
  func matrixArguments(_ matrix: MatrixView?) throws -> [KernelArgument] {
    try rowArguments(matrix) + [.long(Int64(matrix?.rowStride ?? 0))]
  }

  /// One row: memory and first element.
  func rowArguments(_ matrix: MatrixView?) throws -> [KernelArgument] {
    let memory = matrix?.memory ?? DeviceMemory(byteCount: 0, storage: .empty)
    return [.buffer(try buffer(memory)), .long(Int64(matrix?.offset ?? 0))]
  }

  /// Numbers as kernels take them: memory and the first one.
  func indexArguments(_ numbers: IndexVector?) throws -> [KernelArgument] {
    let memory = numbers?.memory ?? DeviceMemory(byteCount: 0, storage: .empty)
    return [.buffer(try buffer(memory)), .long(Int64(numbers?.offset ?? 0))]
  }
}

extension HostDevice {
  /// How many rows of `elements` a worker takes at a time.
  func rowGrain(_ elements: Int) -> Int { max(1, (1 << 15) / max(1, elements)) }

  /// The first of some numbers of this device.
  func numbers(of numbers: IndexVector) throws -> Bytes { try bytes(of: numbers.memory, 4 * numbers.offset, 0) }
}

extension HostDevice.Bytes {
  /// The address of whole numbers.
  var numbers: UnsafeMutablePointer<Int32> { address.assumingMemoryBound(to: Int32.self) }
  /// The address of floats.
  var floats: UnsafeMutablePointer<Float> { address.assumingMemoryBound(to: Float.self) }
}
