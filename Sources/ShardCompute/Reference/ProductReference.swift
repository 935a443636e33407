// SPDX-License-Identifier: Apache-2.0
import CShardHost
import Dispatch
import Synchronization

/// The judge of a product C = A · Wᵀ: sums in f64 on all cores, straight from the operands.
///
/// An element is right when |c − reference| ≤ (k + 8) · 2⁻²⁴ · Σ|a||w|. Errors are given in units of that bound. Where a
/// quantised format has offsets, w = scale · q + offset, |w| is |scale · q| + |offset|: the two may cancel.
public struct ProductReference: Sendable {
  /// Rows of A and C.
  public let m: Int
  /// Rows of W, columns of C.
  public let n: Int
  /// Columns of A and W.
  public let k: Int
  private let a: HostMemory
  private let weight: HostMemory
  private let format: WeightFormat

  /// Judges products of `a` (m × k, f32) and `weight` (n × k, `format`), both row-major without gaps.
  ///
  /// - Throws: `ComputeError.mismatch` where a size in bytes is not that of the matrix.
  public init(m: Int, n: Int, k: Int, a: HostMemory, weight: HostMemory, format: WeightFormat) throws {
    guard try a.byteCount == checkedProduct(4, m, k), try weight.byteCount == format.byteCount(rows: n, columns: k)
    else {
      throw ComputeError.mismatch(
        "\(a.byteCount) and \(weight.byteCount) bytes for a product \(m)x\(n)x\(k) with \(format.rawValue) weights")
    }
    (self.m, self.n, self.k) = (m, n, k)
    self.a = a
    self.weight = weight
    self.format = format
  }

  /// The largest error of `c` (m × n, f32, row-major without gaps) in `rows`, in units of the bound: at most 1 where
  /// they are right, infinite for a NaN or infinity in the wrong place.
  public func largestErrorOverBound(of c: HostMemory, rows: [Range<Int>]) -> Double {
    largest(over: rows) { tile, sums in
      c.withBytes { bytes in
        guard let base = bytes.baseAddress else { return 0 }
        return shard_host_error_over_bound(
          base.assumingMemoryBound(to: Float.self) + tile.rows.lowerBound * n + tile.columns.lowerBound, n,
          sums.product, sums.magnitude, tile.rows.count, tile.columns.count, k)
      }
    }
  }

  /// The same for a product that `kernels` made parts of, which round more than an f32 sum (`Arithmetic.reduced`): the
  /// bound of an element has what each of them rounds at most.
  package func largestErrorOverBound(of c: HostMemory, rows: [Range<Int>], rounding kernels: [String]) -> Double {
    if kernels.isEmpty { return largestErrorOverBound(of: c, rows: rows) }
    return largest(over: rows) { tile, sums in
      let weights = weight.decoded(rows: tile.columns, columns: k, format).values
      return c.withBytes { bytes in
        let values = bytes.bindMemory(to: Float.self)
        var worst = 0.0
        for (i, row) in tile.rows.enumerated() {
          let activations = a.floats(row * k..<(row + 1) * k, .f32)[...]
          for (j, column) in tile.columns.enumerated() {
            let index = i * tile.columns.count + j
            let rounding = roundingError(kernels, activations, weights[j * k..<(j + 1) * k])
            let error = abs(Double(values[row * n + column]) - sums.product[index])
            let ratio = error == 0 ? 0 : error / (Double(k + 8) * 0x1p-24 * sums.magnitude[index] + rounding)
            worst = max(worst, ratio.isNaN ? .infinity : ratio)
          }
        }
        return worst
      }
    }
  }

  private func roundingError(_ kernels: [String], _ a: ArraySlice<Float>, _ w: ArraySlice<Float>) -> Double {
    kernels.reduce(0) { $0 + ReducedKernels.roundingError(of: $1, a, w, format) }
  }

  /// How many elements of `c` in `rows` are not exactly the reference; for operands whose sums are exact in f32.
  public func differentElements(of c: HostMemory, rows: [Range<Int>]) -> Int {
    let different = Atomic<Int>(0)
    _ = largest(over: rows) { tile, sums in
      c.withBytes { bytes in
        let values = bytes.bindMemory(to: Float.self)
        var count = 0
        for (i, row) in tile.rows.enumerated() {
          for (j, column) in tile.columns.enumerated()
          where Double(values[row * n + column]) != sums.product[i * tile.columns.count + j] { count += 1 }
        }
        different.add(count, ordering: .relaxed)
      }
      return 0
    }
    return different.load(ordering: .relaxed)
  }

  /// The largest error of C · r against A · (Wᵀ · r), r random signs, in units of the sum of the bounds of a row: a look
  /// at every element in O(m·n + n·k + m·k).
  public func residualOverBound(of c: HostMemory, seed: UInt64) -> Double {
    residualOverBound(of: c, seed: seed, rounding: [])
  }

  /// The same for a product that `kernels` made parts of.
  package func residualOverBound(of c: HostMemory, seed: UInt64, rounding kernels: [String]) -> Double {
    let signs = SeededNumbers(seed: seed).signs(n)
    var (weighted, magnitudes) = ([Double](repeating: 0, count: k), [Double](repeating: 0, count: k))
    for j in 0..<n {
      let row = weight.decoded(rows: j..<j + 1, columns: k, format)
      for p in 0..<k {
        weighted[p] += signs[j] * Double(row.values[p])
        magnitudes[p] += Double(row.magnitude(p))
      }
    }
    // What kernels round is the mean's, n times.
    let mean = kernels.isEmpty ? [] : magnitudes.map { Float($0 / Double(n)) }
    var worst = 0.0
    for i in 0..<m {
      var (expected, bound, found) = (0.0, 0.0, 0.0)
      let row = a.floats(i * k..<(i + 1) * k, .f32)
      for (p, value) in row.enumerated() {
        expected += Double(value) * weighted[p]
        bound += abs(Double(value)) * magnitudes[p]
      }
      for (j, value) in c.floats(i * n..<(i + 1) * n, .f32).enumerated() { found += signs[j] * Double(value) }
      let difference = abs(found - expected)
      let rounding = Double(n) * roundingError(kernels, row[...], mean[...])
      let error = difference == 0 ? 0 : difference / (bound * Double(k + 8) * 0x1p-24 + rounding)
      worst = max(worst, error.isNaN ? .infinity : error)
    }
    return worst
  }

  private struct Tile: Sendable {
    let rows: Range<Int>
    let columns: Range<Int>
  }

  private struct Sums {
    let product: UnsafeMutablePointer<Double>
    let magnitude: UnsafeMutablePointer<Double>
  }

  /// The largest result of `judge` over tiles that make up `rows`, on all cores.
  private func largest(over rows: [Range<Int>], _ judge: @Sendable (Tile, Sums) -> Double) -> Double {
    let (tileRows, tileColumns) = (96, 1024)
    let tiles = rows.flatMap { $0.runs(of: tileRows) }.flatMap { rows in
      (0..<n).runs(of: tileColumns).map { Tile(rows: rows, columns: $0) }
    }
    let worst = Mutex(0.0)
    DispatchQueue.concurrentPerform(iterations: tiles.count) { index in
      let tile = tiles[index]
      let count = tile.rows.count * tile.columns.count
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * count) { sums in
        guard let product = sums.baseAddress else { return }
        let parts = Sums(product: product, magnitude: product + count)
        fill(parts, tile)
        let result = judge(tile, parts)
        worst.withLock { $0 = max($0, result) }
      }
    }
    return worst.withLock { $0 }
  }

  private func fill(_ sums: Sums, _ tile: Tile) {
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: shard_host_reference_scratch_bytes(), alignment: 64)
    defer { scratch.deallocate() }
    var left = hostMatrix(a, rows: tile.rows, .f32)
    if let type = format.elementType {
      var right = hostMatrix(weight, rows: tile.columns, type)
      return shard_host_reference(&left, &right, 0, tile.rows.count, sums.product, sums.magnitude, scratch)
    }
    let rows = weight.decoded(rows: tile.columns, columns: k, format)
    func reference(_ values: HostMemory, _ product: UnsafeMutablePointer<Double>) {
      var right = hostMatrix(values, rows: 0..<tile.columns.count, .f32)
      shard_host_reference(&left, &right, 0, tile.rows.count, product, sums.magnitude, scratch)
    }
    reference(HostMemory(rows.values), sums.product)
    guard !rows.offsets.isEmpty else { return }
    // Of the magnitudes' products only the magnitude is wanted.
    withUnsafeTemporaryAllocation(of: Double.self, capacity: tile.rows.count * tile.columns.count) { unused in
      guard let base = unused.baseAddress else { return }
      reference(HostMemory((0..<rows.values.count).map(rows.magnitude)), base)
    }
  }

  private func hostMatrix(_ memory: HostMemory, rows: Range<Int>, _ type: ElementType) -> shard_host_matrix {
    shard_host_matrix(
      data: memory.address + rows.lowerBound * k * type.byteCount, type: type.hostType, rows: rows.count, columns: k,
      row_stride: k, column_stride: 1)
  }
}

extension Range<Int> {
  /// Consecutive runs of at most `length`.
  fileprivate func runs(of length: Int) -> [Range<Int>] {
    stride(from: lowerBound, to: upperBound, by: length).map { $0..<Swift.min($0 + length, upperBound) }
  }
}
