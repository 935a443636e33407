// SPDX-License-Identifier: Apache-2.0

/// The parameters that were fastest for a kernel and a class of products, and what was measured.
package struct TuningEntry: Hashable, Sendable, Codable {
  /// What an entry is found by.
  package struct Key: Hashable, Sendable {
    package let kernel: String
    package let format: String
    package let m: Int
    package let n: Int
    package let k: Int
  }

  /// The kernel, such as `gemm/packed`.
  package let kernel: String
  /// The weight's format, `WeightFormat`'s name for it.
  package let format: String
  /// Rows of the class (`ShapeClass`).
  package let m: Int
  /// Columns of the class.
  package let n: Int
  /// Terms of the class.
  package let k: Int
  /// The kernel's parameters.
  package let parameters: ParameterValues
  /// The rate with these parameters, in 10⁹ operations per second.
  package let gflops: Double
  /// The rate with the formula's, measured in turns with it.
  package let formulaGFLOPS: Double
  /// The day of the measurement: 2026-03-31.
  package let date: String

  /// Names in JSON.
  package enum CodingKeys: String, CodingKey {
    case kernel, format, m, n, k, parameters, gflops, date
    case formulaGFLOPS = "formula_gflops"
  }

  /// An entry for the class of a product.
  package init(
    kernel: String, _ shape: ShapeClass, _ parameters: ParameterValues, gflops: Double, formulaGFLOPS: Double,
    date: String
  ) {
    self.kernel = kernel
    format = shape.format.rawValue
    (m, n, k) = (shape.m, shape.n, shape.k)
    self.parameters = parameters
    self.gflops = gflops
    self.formulaGFLOPS = formulaGFLOPS
    self.date = date
  }

  /// What the entry is found by.
  package var key: Key { Key(kernel: kernel, format: format, m: m, n: n, k: k) }
}

extension TuningEntry.Key {
  /// What is looked up for a product with `kernel`.
  package init(kernel: String, _ shape: ShapeClass) {
    self.init(kernel: kernel, format: shape.format.rawValue, m: shape.m, n: shape.n, k: shape.k)
  }
}

extension TuningEntry.Key: CustomStringConvertible {
  /// `gemm/packed f32 512x2048x2048`.
  package var description: String { "\(kernel) \(format) \(m)x\(n)x\(k)" }
}
