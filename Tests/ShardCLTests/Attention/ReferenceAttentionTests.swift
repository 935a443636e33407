// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCL
import ShardCompute
import ShardModels
import TestSupport
import Testing

/// Attentions that another implementation (PyTorch) made in f64.
@Suite("attention against another implementation") struct ReferenceAttentionTests {
  /// What the file says of a case.
  private struct Parameters: Decodable {
    let B: Int, hq: Int, hk: Int, sq: Int, sk: Int, d: Int
    let causal: Bool
    let window: Int
    let softcap: Float
    let scale: Float?
  }

  static let meshes = TestDevices.kinds.flatMap { kind in (1...4).map { MeshCase(ranks: $0, kind: kind) } }

  @Test("is off by at most twice what plain f32 is", arguments: meshes)
  func cases(mesh: MeshCase) async throws {
    let mesh = try mesh.make()
    let cases = try Self.load()
    #expect(cases.count == 9)
    for (name, attention, expected, logs) in cases {
      let allowed = 2 * Self.largestError(attention.plainEvaluation(), expected)
      let byHeads = try await attention.cutByHeads(on: mesh, AttentionPartition(attention.heads, ranks: mesh.count))
      #expect(Self.largestError(byHeads.result, expected) <= allowed, "\(name)")
      // The logarithms are stored as f32, as ours are.
      #expect(zip(byHeads.logs, logs).allSatisfy { abs($0 - $1) <= 4 * abs($1).ulp + 4e-6 }, "\(name)")
      let byKeys = try await attention.cutByKeys(
        on: mesh, shares: Array(repeating: 1, count: mesh.count), to: .replicate)
      #expect(bits(byKeys) == bits(byHeads.result), "\(name), keys over the ranks")
    }
  }

  private static func largestError(_ found: [Float], _ expected: [Float]) -> Float {
    zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// Cases with their results, rows × heads, and log-sum-exps.
  private static func load() throws -> [(name: String, AttentionCase, result: [Float], logs: [Float])] {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/attention", withExtension: "safetensors"))
    let file = try ModelFile.open(url.path)
    guard case .safeTensors(let metadata) = file.format else { return [] }
    return try metadata.keys.sorted().map { name in
      let p = try JSONDecoder().decode(Parameters.self, from: Data((metadata[name] ?? "").utf8))
      // batch × heads × length × size becomes, for each of the batch, length × heads · size.
      func rows(_ tensor: String, heads: Int, length: Int, size: Int) throws -> [[Float]] {
        let values = try file.tensor("\(name).\(tensor)").dequantised()
        return (0..<p.B).map { batch in
          (0..<length).flatMap { i in
            (0..<heads).flatMap { head in
              let start = ((batch * heads + head) * length + i) * size
              return values[start..<start + size]
            }
          }
        }
      }
      let span: AttentionRule.Span = p.window > 0 ? .window(p.window) : p.causal ? .causal : .all
      let attention = AttentionCase(
        heads: try AttentionHeads(queryHeads: p.hq, kvHeads: p.hk, keySize: p.d),
        rule: try AttentionRule(span, scale: p.scale, softcap: p.softcap > 0 ? p.softcap : nil),
        lengths: Array(repeating: (p.sq, p.sk), count: p.B),
        queries: try rows("q", heads: p.hq, length: p.sq, size: p.d).flatMap { $0 },
        keys: try rows("k", heads: p.hk, length: p.sk, size: p.d),
        values: try rows("v", heads: p.hk, length: p.sk, size: p.d))
      return (
        name, attention, try rows("out", heads: p.hq, length: p.sq, size: p.d).flatMap { $0 },
        try rows("lse", heads: p.hq, length: p.sq, size: 1).flatMap { $0 }
      )
    }
  }
}
