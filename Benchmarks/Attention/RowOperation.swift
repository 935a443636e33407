// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// An operation between two products, on the rows of a matrix.
enum RowOperation: Hashable, Sendable, CustomStringConvertible {
  /// Of what a residual makes of the matrix, where one is added.
  case norm(Norm.Kind, addsResidual: Bool)
  case softmax
  /// activation(gate) · up.
  case gated(Epilogue.Activation)
  /// Rotary embedding of heads of 128 columns.
  case rotary(Rotary.Pairing)

  static let all: [RowOperation] =
    [.norm(.rms, addsResidual: false), .norm(.rms, addsResidual: true), .norm(.layer, addsResidual: false), .softmax]
    + [.silu, .gelu, .geluTanh, .relu].map { .gated($0) } + [.rotary(.halves), .rotary(.interleaved)]

  var description: String {
    switch self {
    case .norm(let kind, let addsResidual): "\(kind.rawValue)-norm" + (addsResidual ? "-residual" : "")
    case .softmax: "softmax"
    case .gated(.geluTanh): "gelu-tanh-gate"
    case .gated(let activation): "\(activation.rawValue)-gate"
    case .rotary(let pairing): "rotary-\(pairing)"
    }
  }

  /// Whether there is a second matrix: a residual, or what is gated.
  var hasOther: Bool {
    switch self {
    case .norm(_, let addsResidual): addsResidual
    case .softmax, .rotary: false
    case .gated: true
    }
  }

  private static let epsilon: Float = 1e-5
  private static let headSize = 128

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
    case .rotary(let pairing):
      let angles = try RotaryAngles(Rotary(size: Self.headSize, pairing: pairing), count: operands.x.rows, on: device)
      let rotation = try Rotation(of: operands.x, headSize: Self.headSize, by: angles, into: operands.result)
      return ({ try device.rotate(rotation) }, rotation.movedByteCount)
    }
  }

  /// What the result must be close to.
  func reference(_ numbers: RowNumbers) throws -> LayerReference {
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
    case .rotary(let pairing):
      return .rotation(
        try Rotary(size: Self.headSize, pairing: pairing), numbers.x, columns: columns, headSize: Self.headSize,
        positions: Array(0..<numbers.x.count / columns))
    }
  }
}
