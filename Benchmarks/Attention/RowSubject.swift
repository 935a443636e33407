// SPDX-License-Identifier: Apache-2.0
import BenchSupport
import ShardCompute

/// The matrices of a `RowOperation` on a device.
struct RowOperands {
  let x, result, weight, bias: MatrixView
  /// What is added to x, or gated by it.
  let other: MatrixView?
}

/// Their contents, row-major; weight and bias have one row.
struct RowNumbers {
  let x, other, weight, bias: [Float]

  init(rows: Int, columns: Int, seed: UInt64 = 1) {
    var random = SplitMix64(state: seed)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in .random(in: -4..<4, using: &random) } }
    x = numbers(rows * columns)
    other = numbers(rows * columns)
    weight = numbers(columns)
    bias = numbers(columns)
  }
}

/// A `RowOperation` on one device, on one set of matrices that stays in its caches, or on so many that none does.
final class RowSubject {
  /// Bytes that one call has to move.
  let byteCount: Int
  /// Bytes of one matrix.
  let matrixByteCount: Int
  /// Matrices of all sets.
  let matrices: Int
  private let device: any ComputeDevice
  private let commands: [() throws -> Void]
  private let first: RowOperands
  private let operation: RowOperation
  private let numbers: RowNumbers
  private var call = 0

  init(_ operation: RowOperation, rows: Int, columns: Int, isCached: Bool, on device: any ComputeDevice) throws {
    let numbers = RowNumbers(rows: rows, columns: columns)
    let perSet = operation.hasOther ? 3 : 2
    matrixByteCount = 4 * rows * columns
    let sets = isCached ? 1 : DeviceLimit.uncached(device) / (perSet * matrixByteCount) + 1
    let (weight, bias) = (try device.upload(numbers.weight), try device.upload(numbers.bias))
    func matrix(_ memory: DeviceMemory, rows: Int) throws -> MatrixView {
      try MatrixView(memory, rows: rows, columns: columns)
    }
    // Written once, so that no page of it is new to the first call that is timed.
    let empty = [Float](repeating: .nan, count: rows * columns)
    let operands = try (0..<sets).map { _ in
      RowOperands(
        x: try matrix(device.upload(numbers.x), rows: rows),
        result: try matrix(device.upload(empty), rows: rows),
        weight: try matrix(weight, rows: 1), bias: try matrix(bias, rows: 1),
        other: operation.hasOther ? try matrix(device.upload(numbers.other), rows: rows) : nil)
    }
    let all = try operands.map { try operation.command(on: device, $0) }
    matrices = sets * perSet
    byteCount = all[0].byteCount
    commands = all.map(\.enqueue)
    first = operands[0]
    (self.device, self.operation, self.numbers) = (device, operation, numbers)
  }

  func run(_ count: Int) async throws {
    for _ in 0..<count {
      try commands[call % commands.count]()
      call += 1
    }
    try await device.finish()
  }

  /// Runs the first call, and compares its result with the definition in f64; in units of the bound of
  /// `LayerReference`.
  func errorOverBound() async throws -> Double {
    try await run(1)
    let found = try await device.download(first.result.memory, as: Float.self)
    return try operation.reference(numbers).largestErrorOverBound(of: found)
  }
}
