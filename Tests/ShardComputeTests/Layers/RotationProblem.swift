// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCompute
import TestSupport

/// A rotary embedding whose operand comes from a seed, with its definition.
struct RotationProblem: CustomStringConvertible, Sendable {
  let rotary: Rotary
  let rows: Int
  let heads: Int
  let headSize: Int
  /// The position of the first row, where there is no list.
  var first = 0
  /// The position of each row.
  var positions: [Int32]?
  /// Positions that have angles; more than `first` + rows.
  var angleCount: Int
  var isInPlace = false
  /// Elements between rows beyond their columns.
  var gap = 0
  /// What is turned, where it is not random.
  var x: [Float]?

  init(_ rotary: Rotary, rows: Int, heads: Int, headSize: Int) {
    (self.rotary, self.rows, self.heads, self.headSize) = (rotary, rows, heads, headSize)
    angleCount = max(64, rows + 7)
  }

  var description: String {
    "\(rotary) of \(rows)x\(heads)x\(headSize) at \(positions.map { "\($0)" } ?? "\(first)..."), gap \(gap)"
      + (isInPlace ? ", in place" : "")
  }

  func operands(_ seed: TestSeed) -> [Float] {
    var numbers = RandomNumbers(seed)
    return x ?? numbers.floats(rows * heads * headSize)
  }

  /// What every device must return, bit for bit.
  func definition(_ x: [Float]) -> [Float] {
    (0..<rows).flatMap { row -> [Float] in
      let position = positions.map { Int($0[row]) } ?? first + row
      return (0..<heads).flatMap { head -> [Float] in
        let start = (row * heads + head) * headSize
        let numbers = Array(x[start..<start + headSize])
        if position < 0 { return numbers }
        if position < angleCount { return rotary.turned(numbers, position: position) }
        return [Float](repeating: .nan, count: rotary.size) + numbers.dropFirst(rotary.size)
      }
    }
  }

  /// The result, and whether guard words and operands that are only read are as they were.
  func run(on device: any ComputeDevice, _ x: [Float]) async throws -> (result: [Float], isIntact: Bool) {
    let columns = heads * headSize
    let source = try GappedMatrix(device, x, rows: rows, columns: columns, gap: gap)
    let target =
      try isInPlace
      ? source
      : GappedMatrix(device, .init(repeating: 7, count: x.count), rows: rows, columns: columns, gap: gap + 1)
    let angles = try RotaryAngles(rotary, count: angleCount, on: device)
    // A number before the first position and one behind the last, which are for nobody.
    let list = try positions.map { try IndexVector(device.upload([5] + $0 + [5]), count: rows, offset: 1) }
    try device.rotate(
      Rotation(
        of: source.view, headSize: headSize, by: angles, at: list.map { .each($0) } ?? .from(first),
        into: target.view))
    let (found, given) = (try await target.contents(), try await source.contents())
    let isUnchanged = isInPlace || differences(given.values, x).isEmpty
    return (found.values, found.isIntact && given.isIntact && isUnchanged)
  }
}

/// Rotary embedding as other implementations write it: pairs as complex numbers times magnitude · e^(iφ), and
/// frequencies from wavelengths, as in the models' own code; f64.
struct ComplexRotation {
  let rotary: Rotary

  init(_ rotary: Rotary) { self.rotary = rotary }

  /// A base and a scaling each: none, and those of models.
  static let scalings: [(Double, Rotary.Scaling)] = [
    (10_000, .none), (1_000_000, .none), (10_000, .linear(4)),
    (500_000, .llama3(factor: 8, lowFrequency: 1, highFrequency: 4, trainedLength: 8192)),
    (10_000, .llama3(factor: 32, lowFrequency: 1, highFrequency: 4, trainedLength: 512)),
    (10_000, .yarn(factor: 16, fast: 32, slow: 1, trainedLength: 4096, attention: nil)),
    (150_000, .yarn(factor: 32, fast: 32, slow: 1, trainedLength: 4096, attention: 1.25)),
  ]

  private var scale: Double {
    guard case .yarn(let factor, _, _, _, let attention) = rotary.scaling else { return 1 }
    return attention ?? 0.1 * log(factor) + 1
  }

  private func frequency(_ pair: Int) -> Double {
    let dimensions = Double(rotary.size)
    let plain = 1 / pow(rotary.base, Double(2 * pair) / dimensions)
    let wavelength = 2 * Double.pi / plain
    switch rotary.scaling {
    case .none, .divisors: return plain
    case .linear(let factor): return plain / factor
    case .llama3(let factor, let low, let high, let length):
      if wavelength < length / high { return plain }
      if wavelength > length / low { return plain / factor }
      let smooth = (length / wavelength - low) / (high - low)
      return (1 - smooth) * plain / factor + smooth * plain
    case .yarn(let factor, let fast, let slow, let length, _):
      // The dimension whose pair turns so often over the trained length.
      func dimension(_ turns: Double) -> Double {
        dimensions * log(length / (turns * 2 * Double.pi)) / (2 * log(rotary.base))
      }
      let (low, high) = (max(floor(dimension(fast)), 0), min(ceil(dimension(slow)), dimensions - 1))
      let ramp = min(max((Double(pair) - low) / max(high - low, 0.001), 0), 1)
      let extrapolated = 1 - ramp
      return plain / factor * (1 - extrapolated) + plain * extrapolated
    }
  }

  /// In units of the rounding of a sine or cosine, of a product and of a sum, twice each; infinite where a number that
  /// stays does not.
  func largestErrorOverBound(
    of found: [Float], _ x: [Float], columns: Int, headSize: Int, positions: [Int]
  ) -> Double {
    guard found.count == x.count else { return .infinity }
    var largest = 0.0
    for (row, position) in positions.enumerated() {
      for start in stride(from: row * columns, to: (row + 1) * columns, by: headSize) {
        for p in rotary.size..<headSize where found[start + p] != x[start + p] { return .infinity }
        for pair in 0..<rotary.size / 2 {
          let (a, b) =
            rotary.pairing == .halves
            ? (start + pair, start + pair + rotary.size / 2) : (start + 2 * pair, start + 2 * pair + 1)
          let (real, imaginary, angle) = (Double(x[a]), Double(x[b]), Double(position) * frequency(pair))
          let modulus = scale * (real * real + imaginary * imaginary).squareRoot()
          let argument = atan2(imaginary, real) + angle
          let bound = 6 * 0x1p-24 * modulus + 0x1p-149
          let error = max(
            abs(Double(found[a]) - modulus * cos(argument)), abs(Double(found[b]) - modulus * sin(argument)))
          largest = max(largest, error.isNaN ? .infinity : error / bound)
        }
      }
    }
    return largest
  }
}
