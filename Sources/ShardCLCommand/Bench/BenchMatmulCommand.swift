// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ShardCL
import ShardCompute
import ShardModels

extension WeightFormat: ExpressibleByArgument {
  /// In any case: GGUF tools write Q4_K.
  public init?(argument: String) { self.init(rawValue: argument.lowercased()) }
}
extension ProductLayout: ExpressibleByArgument {}
extension Arithmetic: ExpressibleByArgument {}

/// `shardcl bench matmul`: sharded products, of given shapes or of a model's linear layers.
struct BenchMatmulCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "matmul",
    abstract: "Measure sharded matrix products and check each against the CPU.",
    discussion: """
      Each product runs in turns with the same product on one of the devices alone, with its collective alone and with \
      an fma loop, so that ratios hold on a machine whose speed varies. Activations are packed and the result reaches \
      every rank inside the time; weights are packed before.
        shardcl bench matmul --devices cpu/2 --shape 512x2048x2048
        shardcl bench matmul --devices cpu/2 --model gemma.gguf --json
      """)

  @OptionGroup var options: BenchOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Size of a product; repeatable. Each of the three may be a list or a range: 1,512x4Kx256..4K*2 (K: 1024).",
      valueName: "MxNxK"))
  var shape: [ShapeList] = []

  @Option(
    name: .shortAndLong, help: "How products are spread: column, row, token or replicate (default: column and row).")
  var layout: [ProductLayout] = []

  @Option(
    help: "How weights are stored on the devices (default: f32; for a model as in the file).")
  var dtype: [WeightFormat] = []

  @Option(
    help: """
      How exact products are: the same bits on every device, or rounded more, within a bound, where a device is faster \
      so (tensor cores, f16, integer dot products).
      """)
  var arithmetic = Arithmetic.ordered

  @Option(help: "A GGUF or safetensors file: run each distinct linear layer, sharded by its role.")
  var model: String?

  @Option(help: "Rows of activations for --model, a list such as 1,512 (default: 512 and 1; for logits 1).")
  var rows: RowList?

  @Flag(
    help: "Also print which kernel each rank runs, with which parameters and where they are from, and why no other.")
  var explain = false

  func validate() throws {
    guard shape.isEmpty || model == nil else { throw ValidationError("--shape and --model exclude each other") }
    guard rows == nil || model != nil else { throw ValidationError("--rows is for --model; use --shape MxNxK") }
    guard layout.isEmpty || model == nil else {
      throw ValidationError("--layout is for --shape; the layers of a model are cut by their roles")
    }
    guard dtype.count <= 1 || model == nil else { throw ValidationError("one --dtype for a --model") }
  }

  func run() async throws {
    let plan = try plan()
    let session = try BenchSession(options)
    let benchmark = MatmulBenchmark(
      on: session.mesh, budget: options.budget, checks: !options.noCheck, seed: options.seed, arithmetic: arithmetic)
    var explanations = ExplainReport()
    try await session.run(
      plan, MatmulReport(session, arithmetic, model: model), title: { $0.layer ?? $0.shape },
      measure: { problem in
        let record = try await benchmark.run(problem)
        if explain {
          let kernels = try benchmark.explain(problem)
          if options.json { for kernel in kernels { try session.results.print(JSONLines().line(kernel)) } }
          explanations.append(
            "\(problem.shape) \(record.dtype.rawValue) \(record.layout.rawValue)"
              + (arithmetic == .ordered ? "" : " \(arithmetic.rawValue)"), kernels)
        }
        return record
      }, footer: { explanations.lines })
  }

  /// What is to run, made one by one: a weight of a model may be large.
  private func plan() throws -> [() throws -> MatmulProblem] {
    if let model {
      let file = try ModelFile.open(model)
      return try file.matmulProblems(rows: rows?.values, format: dtype.first)
    }
    let shapes = shape.isEmpty ? Self.defaultShapes : shape.flatMap(\.shapes)
    let types = dtype.isEmpty ? [.f32] : dtype
    let layouts = layout.isEmpty ? [.column, .row] : layout
    return shapes.flatMap { shape in
      types.flatMap { type in
        layouts.map { layout in
          { [seed = options.seed] in
            try MatmulProblem(m: shape.m, n: shape.n, k: shape.k, format: type, layout: layout, seed: seed)
          }
        }
      }
    }
  }

  /// A prompt and a step of decode through a square layer of a small model.
  private static let defaultShapes = [Shape(m: 512, n: 2048, k: 2048), Shape(m: 1, n: 2048, k: 2048)]
}

/// A list of numbers of rows, such as `1,512`.
struct RowList: ExpressibleByArgument {
  let values: [Int]

  init?(argument: String) {
    guard let values = ShapeList.sizes(Substring(argument.lowercased())) else { return nil }
    self.values = values
  }
}
