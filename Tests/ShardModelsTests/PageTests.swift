// SPDX-License-Identifier: Apache-2.0
import ShardCL
import Testing

@testable import ShardModels

@Suite("the module's page") struct PageTests {
  @Test("its lines run") func lines() async throws {
    // The tiny model, all weights one, so that each output is the number of inputs.
    let builder = TinyModel.builder()
    let ones = (0..<builder.dataByteCount / 4).flatMap { _ in Float(1).bitPattern.bytes }
    let folder = try TemporaryFolder()
    let path = try folder.write("tiny.gguf", builder.bytes.dropLast(builder.dataByteCount) + ones)
    let model = try ModelFile.open(path)
    let mesh = try DeviceMesh(selecting: "host/2")
    var outputs: [String: [Float]] = [:]
    for layer in try model.linearLayers().distinct where layer.parallelism == .column {
      let weight = try WeightMatrix(model.tensor(layer.name))
      let linear = try ColumnParallelLinear(weight: weight, on: mesh, granularity: layer.unit)
      let x = try ShardedTensor(
        [Float](repeating: 1, count: layer.columns), rows: 1, columns: layer.columns, on: mesh, placement: .replicate)
      outputs[layer.name] = try await linear(x).download()
    }
    let sizes = ["attn_q": 8, "attn_k": 4, "attn_v": 4, "ffn_gate": 12, "ffn_up": 12]
    #expect(outputs["token_embd.weight"] == [Float](repeating: 8, count: 16))
    for (name, size) in sizes { #expect(outputs["blk.0.\(name).weight"] == [Float](repeating: 8, count: size)) }
    #expect(outputs.count == sizes.count + 1)
  }
}
