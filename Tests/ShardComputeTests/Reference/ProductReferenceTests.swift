// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ShardCompute

@Suite("the judge of products") struct ProductReferenceTests {
  /// m × n sums in f64 of a quantised product, and what the bound is measured by.
  static func naive(_ problem: QuantisedProblem, _ operands: QuantisedProblem.Operands) -> [(
    sum: Double, magnitude: Double
  )] {
    let columns = problem.shape.columns
    let rows = QuantisedRow.rows(operands.weight, count: problem.shape.n, problem.format)
    return (0..<problem.shape.m).flatMap { i in
      rows.map { row in
        var (sum, magnitude, p) = (0.0, 0.0, i * columns)
        for group in row.groups {
          for value in group.values {
            let x = Double(operands.a[p])
            sum += x * Double(group.scale * value + group.offset)
            magnitude += abs(x) * Double(abs(group.scale * value) + abs(group.offset))
            p += 1
          }
        }
        return (sum, magnitude)
      }
    }
  }

  @Test("counts the elements that differ from exact sums", arguments: QuantisedProductTests.formats)
  func exact(format: WeightFormat) throws {
    let problem = QuantisedProblem(format, m: 7, n: 37, blocks: 3)
    let operands = try problem.operands(seed: 1, whole: true)
    let judge = try ProductReference(
      m: 7, n: 37, k: problem.shape.k, a: HostMemory(operands.a), weight: operands.weight, format: format)
    var c = Self.naive(problem, operands).map { Float($0.sum) }
    #expect(judge.differentElements(of: HostMemory(c), rows: [0..<7]) == 0)
    c[40] += 1
    c[258] += 1
    #expect(judge.differentElements(of: HostMemory(c), rows: [0..<7]) == 2)
    #expect(judge.differentElements(of: HostMemory(c), rows: [1..<3]) == 1)
  }

  @Test("measures errors in units of the bound", arguments: QuantisedProductTests.formats)
  func bound(format: WeightFormat) throws {
    let problem = QuantisedProblem(format, m: 7, n: 37, blocks: 2)
    let operands = try problem.operands(seed: 2)
    let judge = try ProductReference(
      m: 7, n: 37, k: problem.shape.k, a: HostMemory(operands.a), weight: operands.weight, format: format)
    let sums = Self.naive(problem, operands)
    var c = sums.map { Float($0.sum) }
    #expect(judge.largestErrorOverBound(of: HostMemory(c), rows: [0..<7]) < 0.1)
    #expect(judge.residualOverBound(of: HostMemory(c), seed: 3) < 0.1)
    let unit = Double(problem.shape.k + 8) * 0x1p-24
    c[100] = Float(sums[100].sum + 8 * unit * sums[100].magnitude)
    #expect(abs(judge.largestErrorOverBound(of: HostMemory(c), rows: [0..<7]) - 8) < 0.2)
    c[3] = .nan
    #expect(judge.largestErrorOverBound(of: HostMemory(c), rows: [0..<7]) == .infinity)
  }

  @Test("has what kernels of reduced arithmetic round in the bound", arguments: ReducedProductTests.Case.all)
  func rounding(test: ReducedProductTests.Case) throws {
    let (m, n, k) = (5, 41, 64)
    let a = SeededNumbers(seed: 1).floats(m * k)
    let weight =
      try test.format.elementType.map { HostMemory(SeededNumbers(seed: 2).floats(n * k), as: $0) }
      ?? SeededNumbers(seed: 2).blocks(rows: n, columns: k, format: test.format)
    let judge = try ProductReference(m: m, n: n, k: k, a: HostMemory(a), weight: weight, format: test.format)
    let w = weight.decoded(rows: 0..<n, columns: k, test.format).values
    // All of them off by half of their bound, all to the same side.
    var bounds: [Double] = []
    var c: [Float] = []
    for i in 0..<m {
      for j in 0..<n {
        let (row, column) = (a[i * k..<(i + 1) * k], w[j * k..<(j + 1) * k])
        bounds.append(
          Double(k + 8) * 0x1p-24 * Magnitudes(row, column).terms
            + test.kernel.roundingError(row, column, test.format))
        c.append(Float(zip(row, column).reduce(0) { $0 + Double($1.0) * Double($1.1) } + bounds[i * n + j] / 2))
      }
    }
    func error(_ c: [Float]) -> Double {
      judge.largestErrorOverBound(of: HostMemory(c), rows: [0..<m], rounding: [test.kernel.name])
    }
    #expect(abs(error(c) - 0.5) < 0.01)
    #expect(judge.largestErrorOverBound(of: HostMemory(c), rows: [0..<m]) > 1)
    #expect(judge.residualOverBound(of: HostMemory(c), seed: 3, rounding: [test.kernel.name]) <= 0.51)
    c[60] += Float(bounds[60])
    #expect(abs(error(c) - 1.5) < 0.01)
    c[60] += Float(Double(n) * bounds[60] * 4)
    #expect(judge.residualOverBound(of: HostMemory(c), seed: 3, rounding: [test.kernel.name]) > 1)
  }
}
