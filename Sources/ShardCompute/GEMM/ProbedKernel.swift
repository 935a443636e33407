// SPDX-License-Identifier: Apache-2.0

/// A kernel that needs more than OpenCL C 1.2: an extension, or instructions of one vendor.
///
/// No list of drivers says reliably where such a kernel builds and is right, so each device tries it before it is first
/// used: `Probes` builds it and compares its results with those of a plain kernel.
protocol ProbedKernel: ProductKernel {
  /// The formats of weights that it takes.
  static var formats: [WeightFormat] { get }
  /// m, n and k of the product that a device tries.
  static var probeShape: (m: Int, n: Int, k: Int) { get }
  /// Every program that `launch` chooses among; a device tries each.
  static var forms: [@Sendable (Product, OpenCLDevice) throws -> Void] { get }
  /// How far an element of a product of `a` with a row `w` of a weight may be off, beyond the error of an f32 sum: a
  /// constant and a multiple of each |w|, so that of the mean of rows is the mean.
  static func roundingError(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat) -> Double
}

extension ProbedKernel {
  /// Why it does not take weights of `format`; nil where it does.
  static func refusal(_ format: WeightFormat) -> String? {
    formats.contains(format)
      ? nil : "the weight is \(format.rawValue), not \(formats.map(\.rawValue).joined(separator: " or "))"
  }
  static var forms: [@Sendable (Product, OpenCLDevice) throws -> Void] { [{ try launch($0, on: $1) }] }
  static func roundingError(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat) -> Double { 0 }
}

/// The kernels that leave the order of addition, for those who verify them.
package enum ReducedKernels {
  private static let kernels = GEMM.kernels.compactMap { $0 as? any ProbedKernel.Type }.filter { !$0.keepsOrder }

  /// Their names, each with the formats of weights that it takes.
  package static let all: [(name: String, formats: [WeightFormat])] = kernels.map { ($0.name, $0.formats) }

  /// How far an element of a product of `a` with a row `w` of a weight may be off, beyond the error of an f32 sum.
  package static func roundingError(
    of name: String, _ a: ArraySlice<Float>, _ w: ArraySlice<Float>, _ format: WeightFormat
  ) -> Double {
    kernels.first { $0.name == name }?.roundingError(a, w, format) ?? 0
  }

  /// Those of `names` that leave the order, each once.
  package static func among(_ names: [String]) -> [String] { all.map(\.name).filter(names.contains) }
}

/// What bounds of errors are made of, for a row of activations and one of a weight.
struct Magnitudes {
  /// Σ|a||w|
  private(set) var terms = 0.0
  /// Σ|w|
  private(set) var weights = 0.0
  /// max|a|
  private(set) var largest = 0.0

  init(_ a: ArraySlice<Float>, _ w: ArraySlice<Float>) {
    for (x, y) in zip(a, w) {
      terms += abs(Double(x) * Double(y))
      weights += abs(Double(y))
      largest = max(largest, abs(Double(x)))
    }
  }
}
