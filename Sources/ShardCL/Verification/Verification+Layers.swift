// SPDX-License-Identifier: Apache-2.0
import ShardCompute

extension Verification {
  /// What lies between products, on one device.
  static func layerCases(_ label: String, _ device: any ComputeDevice, _ extent: Extent) -> [VerificationCase] {
    layerChecks(extent).map { check in
      let subject = check.subject(on: device.capabilities.architecture)
      return VerificationCase(name: "kernel/layer/\(label)/\(check)", subject: subject, ranks: 1) {
        try await check.run(on: device, seed: $0)
      }
    }
  }

  private static func layerChecks(_ extent: Extent) -> [LayerCheck] {
    // Fewer columns than chains, more, with a rest; whole heads.
    let shapes = extent == .small ? [(3, 200)] : [(1, 1), (2, 40), (5, 120), (3, 1000), (33, 280), (17, 1101)]
    let formats: [WeightFormat] = extent == .small ? [.f16, .q5_1, .q6_K] : WeightFormat.allCases
    let norms = Norm.Kind.allCases.flatMap { kind in
      [LayerCheck.Operation.norm(kind), .norm(kind, addsDelta: true)]
    }
    let operations =
      norms + [.softmax(isMasked: false), .softmax(isMasked: true)]
      + (extent == .small ? [.silu] : Epilogue.Activation.allCases).flatMap { activation in
        [.gate(activation, inPairs: false), .gate(activation, inPairs: true)]
      }
    var checks = shapes.flatMap { rows, columns in
      operations.map { LayerCheck(operation: $0, rows: rows, columns: columns) }
    }
    for (rows, columns) in shapes where columns.isMultiple(of: 40) {
      checks.append(
        LayerCheck(operation: .norm(.rms, addsDelta: true, isPerHead: true), rows: rows, columns: columns))
      checks += [Rotary.Pairing.halves, .interleaved].flatMap { pairing in
        [false, true].map { .rotation(pairing, isPartial: $0, isListed: $0 == (pairing == .halves)) }
      }.map { LayerCheck(operation: $0, rows: rows, columns: columns) }
    }
    checks += formats.map { LayerCheck(operation: .lookUp($0), rows: 35, columns: 2 * max(20, $0.blockLength)) }
    let vocabularies = extent == .small ? [(1, 1100)] : [(1, 5), (3, 1024), (2, 2500), (1, 40000)]
    checks += vocabularies.flatMap { rows, columns in
      [.logSumExp, .topK(1), .topK(extent == .small ? 5 : 256)].map {
        LayerCheck(operation: $0, rows: rows, columns: columns)
      }
    }
    return checks
  }
}

extension LayerCheck {
  /// What runs it.
  fileprivate func subject(on architecture: Capabilities.Architecture) -> String {
    switch operation {
    case .norm: architecture == .host ? "host/norm" : "norm/rows"
    case .rotation: architecture == .host ? "host/rotation" : "rotary/rows"
    case .softmax: architecture == .host ? "host/softmax" : "softmax/rows"
    case .gate: architecture == .host ? "host/gate" : "elementwise/activate"
    case .lookUp: architecture == .host ? "host/look-up" : "embedding/rows"
    case .topK: architecture == .host ? "host/top-k" : architecture == .gpu ? "logits/top_k_tiles" : "logits/top_k"
    case .logSumExp: architecture == .host ? "host/log-sum" : "logits/log_sums"
    }
  }
}
