// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import Synchronization

/// What one device found out about kernels that it might not have: each is tried once, when a product first wants it.
final class Probes: Sendable {
  private struct Key: Hashable {
    let kernel: String
    let format: WeightFormat
  }

  /// The refusal, or that there is none.
  private enum Verdict {
    case right
    case refused(String)
  }

  private let verdicts = Mutex<[Key: Verdict]>([:])

  /// Why `kernel` does not run products with weights of `format` on `device`; nil where it does.
  ///
  /// - Throws: `MissingKernel` where that is not known yet and must not be found out on the calling thread.
  func refusal(
    of kernel: any ProbedKernel.Type, _ format: WeightFormat, on device: OpenCLDevice
  ) throws -> String? {
    let key = Key(kernel: kernel.name, format: format)
    if verdicts.withLock({ $0[key] == nil }) {
      guard KernelLibrary.mayBuild else {
        throw MissingKernel { [self] in tryOut(kernel, key, on: device) }
      }
      tryOut(kernel, key, on: device)
    }
    guard case .refused(let reason) = verdicts.withLock({ $0[key] }) else { return nil }
    return reason
  }

  /// Tries the kernel outside the lock; two threads may do so at once, with the same result.
  private func tryOut(_ kernel: any ProbedKernel.Type, _ key: Key, on device: OpenCLDevice) {
    let verdict: Verdict
    do {
      verdict = try Probe(kernel, key.format, on: device).run().map(Verdict.refused) ?? .right
    } catch {
      verdict = .refused("the probe on \(device.name) failed: \(error)")
    }
    verdicts.withLock { $0[key] = verdict }
  }
}

/// One try: a product of random numbers, judged by sums in f64; by the bits of a plain kernel where the order is kept.
private struct Probe {
  let kernel: any ProbedKernel.Type
  let format: WeightFormat
  let device: OpenCLDevice

  /// A device of its own, in a context of its own: a kernel that ends a context with it harms nobody else.
  init(_ kernel: any ProbedKernel.Type, _ format: WeightFormat, on device: OpenCLDevice) throws {
    self.kernel = kernel
    self.format = format
    self.device = try device.twin()
  }

  /// What is wrong with the kernel; nil where its results are right.
  func run() throws -> String? {
    let (m, n, k) = kernel.probeShape
    let a = SeededNumbers(seed: 1, name: "a").floats(m * k)
    let numbers = SeededNumbers(seed: 1, name: "w")
    let weights =
      try format.elementType.map { HostMemory(numbers.floats(n * k), as: $0) }
      ?? numbers.blocks(rows: n, columns: k, format: format)
    let memoryC = try device.allocate(byteCount: 4 * m * n)
    let product = try Product(
      MatrixView(device.upload(a), rows: m, columns: k),
      device.makeWeight(
        weights, rows: n, order: SumOrder(length: k, unit: format.blockLength), format: format),
      into: MatrixView(memoryC, rows: m, columns: n), arithmetic: .reduced)
    let plain = kernel.keepsOrder ? try results(memoryC) { try plainKernel(product).launch(product, on: device) } : []
    let judge = Judge(kernel: kernel, format: format, shape: (m, n, k), a: a, weights: weights)
    for form in kernel.forms {
      let found = try results(memoryC) { try form(product, device) }
      if let fault = kernel.keepsOrder ? judge.difference(found, plain) : judge.fault(found) {
        return "wrong on \(device.name): \(fault)"
      }
    }
    return nil
  }

  private func plainKernel(_ product: Product) throws -> any ProductKernel.Type {
    guard
      let kernel = GEMM.kernels.first(where: {
        !($0 is any ProbedKernel.Type) && $0.refusal(product, on: device) == nil
      })
    else { throw ComputeError.unsupported("no plain kernel to compare with") }
    return kernel
  }

  private func results(_ memory: DeviceMemory, _ launch: () throws -> Void) throws -> [Float] {
    let host = HostMemory(byteCount: memory.byteCount)
    try device.fill(memory, at: 0, byteCount: memory.byteCount, with: 0x7fc0_0000)
    try launch()
    try device.read(memory, at: 0, byteCount: memory.byteCount, into: host, at: 0)
    try device.queue.finishBlocking()
    return host.array(of: Float.self)
  }
}

/// Compares results of a probe with what they should be.
private struct Judge {
  let kernel: any ProbedKernel.Type
  let format: WeightFormat
  let shape: (m: Int, n: Int, k: Int)
  let a: [Float]
  let weights: HostMemory

  /// The first element that is further off than the kernel's bound.
  func fault(_ found: [Float]) -> String? {
    let (m, n, k) = shape
    let w = weights.decoded(rows: 0..<n, columns: k, format).values
    for i in 0..<m {
      let row = a[i * k..<(i + 1) * k]
      for j in 0..<n {
        let column = w[j * k..<(j + 1) * k]
        let (sum, magnitude) = zip(row, column).reduce(into: (0.0, 0.0)) { sums, pair in
          let term = Double(pair.0) * Double(pair.1)
          sums.0 += term
          sums.1 += abs(term)
        }
        let bound = Double(k + 8) * 0x1p-24 * magnitude + kernel.roundingError(row, column, format)
        // A NaN is not within the bound either.
        guard abs(Double(found[i * n + j]) - sum) <= bound else {
          return "element (\(i), \(j)) of \(m)x\(n)x\(k) is \(found[i * n + j]), not \(sum) ± \(bound)"
        }
      }
    }
    return nil
  }

  /// The first element with other bits.
  func difference(_ found: [Float], _ expected: [Float]) -> String? {
    guard let index = found.indices.first(where: { found[$0].bitPattern != expected[$0].bitPattern }) else {
      return nil
    }
    let (m, n, k) = shape
    return "element (\(index / n), \(index % n)) of \(m)x\(n)x\(k) is \(found[index]), not \(expected[index])"
  }
}
