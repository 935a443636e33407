// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// One line of the table: a product, what it stands for, and what is aimed at.
struct Work: Sendable {
  /// What `--work` calls it.
  let name: String
  let shape: Shape
  /// How the weight is stored; activations and result are f32.
  let format: WeightFormat
  let targets: [Target]

  /// How fast ShardCL should be.
  enum Target: Sendable {
    /// So many times as fast as a peer.
    case timesAsFast(Double, as: PeerName)
    /// This share of what fused multiply-adds reach in registers.
    case shareOfPeak(Double)
    /// This share of the read bandwidth, in bytes of the stored weight.
    case shareOfReadBandwidth(Double)
  }

  /// Bytes that have to move once: the weight as it is stored, A and C.
  var byteCount: Double {
    get throws { try weightByteCount + 4 * Double(shape.m) * Double(shape.k + shape.n) }
  }

  /// Bytes of the weight as it is stored.
  var weightByteCount: Double {
    get throws { Double(try format.byteCount(rows: shape.n, columns: shape.k)) }
  }
}

extension Work {
  /// The default table.
  static let all = squares + layers + batches + decodes + quantisedDecodes + quantisedPrompts

  /// Works of `shape` that are not in the table.
  init(_ shape: Shape, _ format: WeightFormat) {
    self.init(name: "\(format.rawValue)-\(shape)", shape: shape, format: format, targets: [])
  }

  private static let squares = [512, 1024, 2048, 4096].map { size in
    Work(
      name: "square-\(size)", shape: Shape(m: size, n: size, k: size), format: .f32,
      targets: [.timesAsFast(1.05, as: .openBLAS), .timesAsFast(8, as: .clBlast), .shareOfPeak(0.82)])
  }

  /// The linear layers of Llama 3 8B (attention's q and o, k and v; the feed-forward block), for a prompt of 512 tokens.
  private static let layers = [(4096, 4096), (1024, 4096), (14336, 4096), (4096, 14336)].map { n, k in
    Work(
      name: "layer-\(n)x\(k)", shape: Shape(m: 512, n: n, k: k), format: .f32,
      targets: [.timesAsFast(1.05, as: .openBLAS)])
  }

  private static let batches = [8, 32].map { m in
    Work(
      name: "batch-\(m)", shape: Shape(m: m, n: 4096, k: 4096), format: .f32,
      targets: [.timesAsFast(1.5, as: .openBLAS)])
  }

  /// One token, by weights that no cache holds: the second is the token embedding of Gemma 3 270M.
  private static let decodes = [(16384, 4096), (262144, 640)].flatMap { n, k in
    [WeightFormat.f32, .f16, .bf16].map { decode($0, n, k, share: 0.9) }
  }

  /// Unpacking 4 bits takes more instructions a byte than 8, and 5 or 6 bits, which lie in two places, more than 4.
  private static let quantisedDecodes =
    [decode(.q8_0, 262144, 640, share: 0.75)]
    + [WeightFormat.q4_0, .q4_1, .iq4_nl].map { decode($0, 262144, 640, share: 0.55) }
    + [WeightFormat.q5_0, .q5_1].map { decode($0, 262144, 640, share: 0.45) }
    + [decode(.q4_K, 65536, 2560, share: 0.55)]
    + [WeightFormat.q5_K, .q6_K].map { decode($0, 65536, 2560, share: 0.45) }

  private static let quantisedPrompts = [WeightFormat.q8_0, .q4_K].map { format in
    Work(
      name: "prompt-\(format.rawValue)", shape: Shape(m: 512, n: 4096, k: 4096), format: format,
      targets: [.timesAsFast(0.75, as: .f32)])
  }

  private static func decode(_ format: WeightFormat, _ n: Int, _ k: Int, share: Double) -> Work {
    Work(
      name: "decode-\(format.rawValue)-\(n)x\(k)", shape: Shape(m: 1, n: n, k: k), format: format,
      targets: [.shareOfReadBandwidth(share)])
  }
}
