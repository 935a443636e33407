// SPDX-License-Identifier: Apache-2.0
import CShardHost
import Foundation
import OpenCLKit
import TestSupport
import Testing

@testable import ShardCompute

@Suite("common/functions") struct FunctionTests {
  static let functions: [shard_host_function] = [
    .none, .relu, .reluSquared, .silu, .gelu, .geluTanh, .exp, .tanh, .erf, .sigmoid, .log, .rsqrt,
  ]
  /// In the same order; the last value is a quotient.
  static let kernel = """
    __kernel void functions(int count, __global const float *x, __global float *y) {
      const int at = get_global_id(0) * FUNCTION_LANES;
      const floats v = LOAD(F32, FUNCTION_LANES)(x + at);
      STORE(F32, FUNCTION_LANES)(activation_NONE(v), y + at);
      STORE(F32, FUNCTION_LANES)(activation_RELU(v), y + count + at);
      STORE(F32, FUNCTION_LANES)(activation_RELU_SQUARED(v), y + 2 * count + at);
      STORE(F32, FUNCTION_LANES)(activation_SILU(v), y + 3 * count + at);
      STORE(F32, FUNCTION_LANES)(activation_GELU(v), y + 4 * count + at);
      STORE(F32, FUNCTION_LANES)(activation_GELU_TANH(v), y + 5 * count + at);
      STORE(F32, FUNCTION_LANES)(portable_exp(v), y + 6 * count + at);
      STORE(F32, FUNCTION_LANES)(portable_tanh(v), y + 7 * count + at);
      STORE(F32, FUNCTION_LANES)(portable_erf(v), y + 8 * count + at);
      STORE(F32, FUNCTION_LANES)(portable_sigmoid(v), y + 9 * count + at);
      STORE(F32, FUNCTION_LANES)(portable_log(v), y + 10 * count + at);
      STORE(F32, FUNCTION_LANES)(portable_rsqrt(v), y + 11 * count + at);
      STORE(F32, FUNCTION_LANES)(portable_divide(v, LOAD(F32, FUNCTION_LANES)(x + count - FUNCTION_LANES - at)), y + 12 * count + at);
    }
    """

  /// Floats from all binades, both signs, and the ones that are special: a multiple of 16 of them.
  static let samples: [Float] = {
    let special: [Float] = [
      0, -0.0, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude, 1,
      -1,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 88.722839, 88.72284, -103.97208, -103.97209,
    ]
    return special + (0..<1 << 17).map { Float(bitPattern: UInt32($0) &* 32771 &+ 12345) }
  }()

  static func onHost(_ function: shard_host_function, _ x: [Float]) -> [Float] {
    var y = [Float](repeating: 0, count: x.count)
    shard_host_apply(function, x, &y, x.count)
    return y
  }

  @Test("have the bits of the CPU fallback in vectors of every width", arguments: [1, 2, 4, 8, 16])
  func bits(width: Int) async throws {
    let device = try #require(try TestDevices.openCL())
    let text = try ["elements", "functions"].map { try #require(KernelLibrary.texts["common/\($0)"]) }.joined()
    let program = try Program(
      context: device.context, device: device.device, source: text + Self.kernel,
      options: "-cl-std=CL1.2 -DFUNCTION_LANES=\(width)")
    let kernel = try Kernel(program: program, name: "functions")
    let count = Self.samples.count
    let x = try device.upload(Self.samples)
    let y = try device.allocate(byteCount: 4 * count * 13)
    try kernel.launch(
      on: device.queue, size: LaunchSize(global: [count / width]),
      arguments: [.int(Int32(count)), .buffer(try device.buffer(x)), .buffer(try device.buffer(y))])
    let found = try await device.download(y, as: Float.self)
    // Divisors come from the other end, a vector at a time.
    let divisors = stride(from: count - width, through: 0, by: -width).flatMap { Self.samples[$0..<$0 + width] }
    var quotients = [Float](repeating: 0, count: count)
    shard_host_divide(Self.samples, divisors, &quotients, count)
    for (index, expected) in (Self.functions.map { Self.onHost($0, Self.samples) } + [quotients]).enumerated() {
      let different = zip(found[index * count..<(index + 1) * count], expected).enumerated().first {
        $1.0.bitPattern != $1.1.bitPattern && !($1.0.isNaN && $1.1.isNaN)
      }
      #expect(different == nil, "function \(index) of \(Self.samples[different?.offset ?? 0])")
    }
  }

  /// |found − exact| in units in the last place of the float nearest to `exact`.
  private func error(_ found: Float, _ exact: Double) -> Double {
    let nearest = Float(exact)
    if nearest.isNaN || found.isNaN { return nearest.isNaN && found.isNaN ? 0 : .infinity }
    if nearest == found {
      return abs(Double(found) - exact).isFinite ? abs(Double(found) - exact) / Double(nearest.ulp) : 0
    }
    return nearest.isInfinite || found.isInfinite ? .infinity : abs(Double(found) - exact) / Double(nearest.ulp)
  }

  @Test("stay within their errors") func errors() {
    let cases: [(shard_host_function, Double, (Double) -> Double)] = [
      (.exp, 1, { Foundation.exp($0) }), (.tanh, 2, { Foundation.tanh($0) }), (.erf, 2, { Foundation.erf($0) }),
      (.log, 1, { Foundation.log($0) }), (.rsqrt, 1, { 1 / $0.squareRoot() }),
      (.sigmoid, 3, { $0 < 0 ? Foundation.exp($0) / (1 + Foundation.exp($0)) : 1 / (1 + Foundation.exp(-$0)) }),
    ]
    for (function, limit, exact) in cases {
      for (x, y) in zip(Self.samples, Self.onHost(function, Self.samples)) {
        let ulps = error(y, exact(Double(x)))
        if ulps > limit || y.sign != Float(exact(Double(x))).sign && !y.isNaN {
          Issue.record("\(function.rawValue) of \(x) is \(y), \(ulps) ulp from \(exact(Double(x)))")
        }
      }
    }
  }

  @Test("activations are close to their definition, and −∞ gives what its neighbours do") func activations() {
    let cases: [(shard_host_function, (Double) -> Double)] = [
      (.none, { $0 }), (.relu, { max($0, 0) }), (.reluSquared, { max($0, 0) * max($0, 0) }),
      (.silu, { $0 / (1 + Foundation.exp(-$0)) }), (.gelu, { $0 / 2 * (1 + Foundation.erf($0 / 2.0.squareRoot())) }),
      (.geluTanh, { $0 / 2 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }),
    ]
    for (function, exact) in cases {
      for (x, y) in zip(Self.samples, Self.onHost(function, Self.samples)) where abs(x) <= 100 {
        let expected = exact(Double(x))
        if abs(Double(y) - expected) > 0x1p-21 * max(abs(expected), abs(Double(x)) / 8) + 0x1p-149 {
          Issue.record("\(function.rawValue) of \(x) is \(y), not \(expected)")
        }
      }
      #expect(Self.onHost(function, [.nan])[0].isNaN)
      #expect(Self.onHost(function, [.infinity])[0] == .infinity)
      if function != .none { #expect(Self.onHost(function, [-.infinity])[0] == 0) }
    }
  }

  @Test("special values are exact") func specialValues() {
    let infinity = Float.infinity
    #expect(Self.onHost(.exp, [0, -0.0, infinity, -infinity, 89, -104]) == [1, 1, infinity, 0, infinity, 0])
    #expect(Self.onHost(.exp, [-103.9])[0] == .leastNonzeroMagnitude)
    #expect(Self.onHost(.sigmoid, [0, infinity, -infinity]) == [0.5, 1, 0])
    #expect(Self.onHost(.log, [0, -0.0, 1, infinity]) == [-infinity, -infinity, 0, infinity])
    #expect(Self.onHost(.rsqrt, [0, -0.0, 1, 0.25, infinity]) == [infinity, -infinity, 1, 2, 0])
    #expect(Self.onHost(.log, [-1, -infinity]).allSatisfy { $0.isNaN })
    #expect(Self.onHost(.rsqrt, [-1, -infinity]).allSatisfy { $0.isNaN })
    for function in [shard_host_function.tanh, .erf] {
      #expect(Self.onHost(function, [infinity, -infinity, 0]) == [1, -1, 0])
      #expect(Self.onHost(function, [-0.0])[0].sign == .minus)
    }
    for function in Self.functions { #expect(Self.onHost(function, [.nan])[0].isNaN) }
  }

  @Test("quotients are IEEE 754's") func quotients() {
    let special: [Float] = [
      0, -0.0, 1, -3, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
    ]
    var pairs = special.flatMap { a in special.map { (a, $0) } }
    pairs += zip(Self.samples, Self.samples.reversed())
    var result = [Float](repeating: 0, count: pairs.count)
    shard_host_divide(pairs.map(\.0), pairs.map(\.1), &result, pairs.count)
    for ((a, b), found) in zip(pairs, result) {
      let expected = a / b
      let isRight =
        expected.isNaN
        ? found.isNaN
        : expected.isSubnormal
          ? abs(found - expected) <= .leastNonzeroMagnitude : found.bitPattern == expected.bitPattern
      if !isRight { Issue.record("\(a) / \(b) is \(found), not \(expected)") }
    }
  }
}
