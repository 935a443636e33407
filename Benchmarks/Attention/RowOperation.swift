// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// An operation between two products, on the rows of a matrix.
enum RowOperation: Hashable, Sendable, CustomStringConvertible {
  /// Of what a residual makes of the matrix, where one is added.
  case norm(Norm.Kind, addsResidual: Bool)
  case softmax
  /// activation(gate) · up.
  case gated(Epilogue.Activation)

  static let all: [RowOperation] =
    [.norm(.rms, addsResidual: false), .norm(.rms, addsResidual: true), .norm(.layer, addsResidual: false), .softmax]
    + [.silu, .gelu, .geluTanh, .relu].map { .gated($0) }

  var description: String {
    switch self {
    case .norm(let kind, let addsResidual): "\(kind.rawValue)-norm" + (addsResidual ? "-residual" : "")
    case .softmax: "softmax"
    case .gated(.geluTanh): "gelu-tanh-gate"
    case .gated(let activation): "\(activation.rawValue)-gate"
    }
  }

  /// Whether there is a second matrix: a residual, or what is gated.
  var hasOther: Bool {
    switch self {
    case .norm(_, let addsResidual): addsResidual
    case .softmax: false
    case .gated: true
    }
  }

  private static let epsilon: Float = 1e-5

  /// The operation on `operands`, ready to be enqueued, and the bytes that it has to move.
  func command(
    on device: any ComputeDevice, _ operands: RowOperands
  ) throws -> (enqueue: () throws -> Void, byteCount: Int) {
    switch self {
    case .norm(let kind, _):
      let norm = try Norm(
        kind, of: operands.x, adding: operands.other, weight: operands.weight,
        bias: kind == .layer ? operands.bias : nil, epsilon: Self.epsilon, into: operands.result)
      return ({ try device.normalise(norm) }, norm.movedByteCount)
    case .softmax:
      let softmax = try Softmax(of: operands.x, into: operands.result)
      return ({ try device.softmax(softmax) }, softmax.movedByteCount)
    case .gated(let activation):
      let gate = try Elementwise(activation, of: operands.x, times: operands.other, into: operands.result)
      return ({ try device.apply(gate) }, gate.movedByteCount)
    }
  }

  /// What the result must be close to.
  func reference(_ numbers: RowNumbers) -> LayerReference {
    let columns = numbers.weight.count
    switch self {
    case .norm(let kind, let addsResidual):
      let x = addsResidual ? zip(numbers.x, numbers.other).map { $0 + $1 } : numbers.x
      return .norm(
        kind, x, columns: columns, weight: numbers.weight, bias: kind == .layer ? numbers.bias : nil,
        epsilon: Self.epsilon)
    case .softmax: return .softmax(numbers.x, columns: columns)
    case .gated(let activation):
      return .elementwise(activation, numbers.x, times: numbers.other, columns: columns)
    }
  }
}
