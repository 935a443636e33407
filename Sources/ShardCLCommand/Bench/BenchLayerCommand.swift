// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ShardCL
import ShardCompute

extension LayerShape: ExpressibleByArgument {
  /// In any case.
  public init?(argument: String) {
    guard let shape = LayerShape.named(argument.lowercased()) else { return nil }
    self = shape
  }

  /// The names that `--layer` takes.
  public static var allValueStrings: [String] { all.map(\.name) }

  /// What help shows of a default.
  public var defaultValueDescription: String { name }
}

/// `shardcl bench layer`: one transformer layer, tensor-parallel.
struct BenchLayerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layer",
    abstract: "Measure a transformer layer of a known model, tensor-parallel, and where its time goes.",
    discussion: """
      Weights are random, of the model's sizes: no file is needed. The layer runs in turns with each of its parts alone, \
      with the same layer on one of the devices alone, with an fma loop and with the reading of memory. Its result is \
      compared with the CPU's, bit for bit.
        shardcl bench layer --devices cpu/2 --layer llama-3.2-1b
        shardcl bench layer --devices cpu --layer llama-3-8b --dtype q4_k --shape 1x4K    a step of decode
      """)

  @OptionGroup var options: BenchOptions

  @Option(name: .shortAndLong, help: "The model whose layer it is; repeatable (default: llama-3.2-1b).")
  var layer: [LayerShape] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Tokens and keys of a sequence; repeatable, lists as in bench matmul (default: 512x512 and 1x1024).",
      valueName: "TOKENSxKEYS"))
  var shape: [QueryShapeList] = []

  @Option(help: "Sequences side by side.")
  var sequences = 1

  @Option(help: "How weights are stored on the devices; repeatable (default: f32).")
  var dtype: [WeightFormat] = []

  @Option(help: "How keys and values are stored; repeatable (default: f16).")
  var kv: [KVFormat] = []

  func validate() throws {
    guard (1...4096).contains(sequences) else { throw ValidationError("--sequences is 1 to 4096, not \(sequences)") }
  }

  func run() async throws {
    let workloads = try workloads()
    let session = try BenchSession(options)
    let benchmark = LayerBenchmark(
      on: session.mesh, budget: options.budget, checks: !options.noCheck, seed: options.seed)
    try await session.run(
      workloads.map { workload in { workload } }, LayerReport(session),
      title: { "\($0.shape.name), \($0.attention.queries)x\($0.attention.keys)" }, measure: benchmark.run)
  }

  /// What is impossible is a request that is wrong.
  private func workloads() throws -> [LayerWorkload] {
    let layers = layer.isEmpty ? LayerShape.all.filter { $0.name == "llama-3.2-1b" } : layer
    let shapes = shape.isEmpty ? [(512, 512), (1, 1024)] : shape.flatMap(\.shapes)
    do {
      return try layers.flatMap { layer in
        try shapes.flatMap { tokens, keys in
          try (dtype.isEmpty ? [.f32] : dtype).flatMap { format in
            try (kv.isEmpty ? [.f16] : kv).map { kvFormat in
              try LayerWorkload(
                layer, sequences: sequences, tokens: tokens, keys: keys, format: format, kvFormat: kvFormat)
            }
          }
        }
      }
    } catch let error as ComputeError {
      throw ValidationError("\(error)")
    }
  }
}
