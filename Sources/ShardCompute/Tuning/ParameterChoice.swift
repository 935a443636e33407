// SPDX-License-Identifier: Apache-2.0

/// The parameters that a kernel runs a product with.
struct ParameterChoice<Parameters: Sendable>: Sendable {
  let parameters: Parameters
  let origin: ParameterOrigin
  /// Tuned parameters that this product cannot have, and why.
  var refusals: [String] = []
}

extension ProductKernel {
  /// The parameters for `product`: tuned ones that are not refused, else the formula's.
  static func choice(_ product: Product, on device: OpenCLDevice) -> ParameterChoice<Parameters> {
    var refusals: [String] = []
    for (origin, parameters) in device.tuning.parameters(of: Self.self, for: product) {
      guard let refusal = refusal(of: parameters, product, on: device) else {
        return ParameterChoice(parameters: parameters, origin: origin, refusals: refusals)
      }
      refusals.append("\(origin.rawValue) parameters refused: \(refusal)")
    }
    return ParameterChoice(parameters: formula(product, on: device), origin: .formula, refusals: refusals)
  }
}
