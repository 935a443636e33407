// SPDX-License-Identifier: Apache-2.0
import Foundation
import ShardCL
import ShardModels
import TestSupport
import Testing

@testable import ShardCompute

/// Layers of another implementation, in f64.
@Suite("layers of another implementation") struct ReferenceLayerTests {
  static let cases = ["s0", "s1", "s2"]

  /// One case of the file.
  private struct Reference {
    let name: String
    let file: ModelFile
    let rows: Int
    let columns: Int

    init(_ name: String) throws {
      let url = try #require(Bundle.module.url(forResource: "Fixtures/layers", withExtension: "safetensors"))
      self.name = name
      file = try ModelFile.open(url.path)
      (rows, columns) = (try file.tensor("\(name).x").rows, try file.tensor("\(name).x").columns)
    }

    func callAsFunction(_ tensor: String) throws -> [Float] { try file.tensor("\(name).\(tensor)").dequantised() }

    /// Throws unless `found` is as close to the tensor as plain f32 is, twice, and the tensor's own rounding.
    func expect(_ found: [Float], _ tensor: String, _ judge: LayerReference, _ what: String) throws {
      let stored = LayerReference(
        exact: try self(tensor).map(Double.init), plain: judge.plain, columns: judge.columns)
      #expect(judge.largestErrorOverBound(of: try self(tensor)) <= 1, "\(name).\(tensor) itself")
      let error = stored.largestErrorOverBound(of: found)
      #expect(error <= 1, "\(name).\(tensor) \(what): \(error)")
    }

    func norm(_ kind: Norm.Kind) throws -> (tensor: String, epsilon: Float, judge: LayerReference) {
      let epsilon: Float = kind == .rms ? 1e-6 : 1e-5
      return (
        kind == .rms ? "rms_norm_eps1e-6" : "layer_norm_eps1e-5", epsilon,
        LayerReference.norm(
          kind, try self("x"), columns: columns, weight: try self("weight"),
          bias: kind == .layer ? try self("bias") : nil, epsilon: epsilon)
      )
    }

    /// The tensor of each gate and activation of x, whose other half is `up`.
    static let gates: [(tensor: String, activation: Epilogue.Activation, hasUp: Bool)] = [
      ("swiglu", .silu, true), ("geglu_tanh", .geluTanh, true), ("gelu_erf", .gelu, false),
    ]

    /// Rotary embedding of 2 heads of 64, from position 3 on.
    static let rotations: [(tensor: String, base: Double, pairing: Rotary.Pairing)] = [
      ("halves_theta10000", 10_000, .halves), ("halves_theta1000000", 1_000_000, .halves),
      ("interleaved_theta10000", 10_000, .interleaved), ("interleaved_theta1000000", 1_000_000, .interleaved),
    ]

    func gate(_ activation: Epilogue.Activation, hasUp: Bool) throws -> LayerReference {
      .elementwise(activation, try self("x"), times: hasUp ? try self("up") : nil, columns: columns)
    }
  }

  /// The CPU fallback, and where there is a driver the kernels of CPU devices and of GPUs.
  enum Kind: String, CaseIterable, Sendable {
    case host, cpu, gpu

    func device() throws -> (any ComputeDevice)? {
      switch self {
      case .host: HostDevice()
      case .cpu: try TestDevices.openCL(.cpu)
      case .gpu: try TestDevices.openCL(.gpu)
      }
    }
  }

  @Test("are as close on every device", arguments: Kind.allCases, cases)
  func devices(kind: Kind, name: String) async throws {
    guard let device = try kind.device() else { return }
    let reference = try Reference(name)
    let (rows, columns) = (reference.rows, reference.columns)
    func matrix(_ tensor: String, rows: Int) throws -> MatrixView {
      try MatrixView(device.upload(reference(tensor)), rows: rows, columns: columns)
    }
    let result = try matrix("x", rows: rows)
    for kind in Norm.Kind.allCases {
      let (tensor, epsilon, judge) = try reference.norm(kind)
      try device.normalise(
        Norm(
          kind, of: matrix("x", rows: rows), weight: matrix("weight", rows: 1),
          bias: kind == .layer ? matrix("bias", rows: 1) : nil, epsilon: epsilon, into: result))
      try reference.expect(await device.download(result.memory), tensor, judge, device.name)
    }
    try device.softmax(Softmax(of: matrix("x", rows: rows), into: result))
    try reference.expect(
      await device.download(result.memory), "softmax", .softmax(reference("x"), columns: columns), device.name)
    for (tensor, activation, hasUp) in Reference.gates {
      try device.apply(
        Elementwise(
          activation, of: matrix("x", rows: rows), times: hasUp ? matrix("up", rows: rows) : nil, into: result))
      try reference.expect(
        await device.download(result.memory), tensor, reference.gate(activation, hasUp: hasUp), device.name)
    }
  }

  @Test("turn heads as close on every device", arguments: Kind.allCases, cases)
  func rotations(kind: Kind, name: String) async throws {
    guard let device = try kind.device() else { return }
    let reference = try Reference(name)
    let (values, rows) = (try reference("rope.x"), reference.rows)
    let list = try IndexVector(device.upload((0..<rows).map { Int32(3 + $0) }), count: rows)
    for (tensor, base, pairing) in Reference.rotations {
      let rotary = try Rotary(size: 64, base: base, pairing: pairing)
      let judge = LayerReference.rotation(
        rotary, values, columns: 128, headSize: 64, positions: (0..<rows).map { 3 + $0 })
      let angles = try RotaryAngles(rotary, count: rows + 3, on: device)
      for positions in [Rotation.Positions.from(3), .each(list)] {
        let x = try MatrixView(device.upload(values), rows: rows, columns: 128)
        try device.rotate(Rotation(of: x, headSize: 64, by: angles, at: positions, into: x))
        try await reference.expect(device.download(x.memory), "rope.\(tensor)_pos3", judge, device.name)
      }
    }
  }

  @Test("turn heads as close on meshes", arguments: MeshCase.all.filter { $0.ranks <= 4 }, cases)
  func rotations(meshCase: MeshCase, name: String) async throws {
    let mesh = try meshCase.make()
    let reference = try Reference(name)
    let (values, rows) = (try reference("rope.x"), reference.rows)
    for (tensor, base, pairing) in Reference.rotations {
      let rotary = try Rotary(size: 64, base: base, pairing: pairing)
      let judge = LayerReference.rotation(
        rotary, values, columns: 128, headSize: 64, positions: (0..<rows).map { 3 + $0 })
      let layer = try RotaryEmbedding(rotary, headSize: 64, positionCount: rows + 3, on: mesh)
      for placement in [Placement.replicate, .shard(0), .shard(1)] {
        let partition = placement == .shard(1) ? try Partition.even(128, parts: mesh.count, granularity: 64) : nil
        let x = try ShardedTensor(
          values, rows: rows, columns: 128, on: mesh, placement: placement, partition: partition)
        try reference.expect(
          await layer(x, from: 3).download(), "rope.\(tensor)_pos3", judge, "\(meshCase) \(placement)")
      }
    }
  }

  @Test("are as close on meshes", arguments: MeshCase.all.filter { $0.ranks <= 4 }, cases)
  func meshes(meshCase: MeshCase, name: String) async throws {
    let mesh = try meshCase.make()
    let reference = try Reference(name)
    let (rows, columns) = (reference.rows, reference.columns)
    func tensor(_ name: String, _ placement: Placement) throws -> ShardedTensor {
      try ShardedTensor(reference(name), rows: rows, columns: columns, on: mesh, placement: placement)
    }
    func row(_ name: String) throws -> HostMatrix { try HostMatrix(reference(name), rows: 1, columns: columns) }
    let rms = try RMSNorm(weight: row("weight"), epsilon: 1e-6, on: mesh)
    let layer = try LayerNorm(weight: row("weight"), bias: row("bias"), epsilon: 1e-5, on: mesh)
    for placement in [Placement.replicate, .shard(0)] {
      for kind in Norm.Kind.allCases {
        let x = try tensor("x", placement)
        let found = try await (kind == .rms ? rms(x) : layer(x)).download()
        let (tensor, _, judge) = try reference.norm(kind)
        try reference.expect(found, tensor, judge, "\(meshCase) \(placement)")
      }
    }
    for placement in [Placement.replicate, .shard(0)] {
      try reference.expect(
        await softmax(tensor("x", placement)).download(), "softmax", .softmax(reference("x"), columns: columns),
        "\(meshCase) \(placement)")
    }
    for placement in [Placement.replicate, .shard(0), .shard(1)] {
      for (name, activation, hasUp) in Reference.gates {
        let x = try tensor("x", placement)
        let found = try await hasUp ? gated(x, tensor("up", placement), by: activation) : activate(x, by: activation)
        try reference.expect(
          await found.download(), name, reference.gate(activation, hasUp: hasUp), "\(meshCase) \(placement)")
      }
    }
  }
}
