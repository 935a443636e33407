// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import OpenCLKit
import ShardCL
import ShardCompute
import ShardModels

/// `shardcl tune`: searches the parameters of kernels on the devices at hand.
struct TuneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Search fast parameters of the kernels, and keep them for this device.",
    discussion: """
      Parameters are kept for classes of products: sizes rounded up to powers of two. Each set of parameters must give \
      the bits of the built-in formula before it is timed, in turns with others; what is more than 2 % faster is kept \
      in $XDG_CONFIG_HOME/shardcl/tuning (~/.config), or the folder that $SHARDCL_TUNING names, and used from then on. \
      SHARDCL_TUNING=off switches it off. Results never change by a bit.
        shardcl tune --devices cpu --shape 512x4096x4096
        shardcl tune --devices cpu/2 --model gemma.gguf
        shardcl tune --devices cpu --explain
      """)

  @Option(name: .shortAndLong, help: "Devices, such as cpu/2 or pocl:0 (default: $SHARDCL_DEVICES, else all).")
  var devices: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Size of a product on one device; repeatable, lists as in bench.", valueName: "MxNxK"))
  var shape: [ShapeList] = []

  @Option(help: "A GGUF or safetensors file: its linear layers as --devices would share them, 1, 8, 32 and 512 rows.")
  var model: String?

  @Option(help: "How weights are stored on the devices; repeatable (default: f32; for a model as in the file).")
  var dtype: [WeightFormat] = []

  @Option(help: "Seconds to search for each class of products; building kernels may take longer.")
  var seconds: Double = 10

  @Option(help: "What random numbers follow from.")
  var seed: UInt64 = 1

  @Flag(help: "Search and print, but keep nothing.")
  var dryRun = false

  @Flag(help: "Search nothing; print which kernel and parameters run now, where they come from, and why no other.")
  var explain = false

  @Flag(help: "One JSON object per line instead of a table.")
  var json = false

  func validate() throws {
    guard shape.isEmpty || model == nil else { throw ValidationError("--shape and --model exclude each other") }
    guard dtype.count <= 1 || model == nil else { throw ValidationError("one --dtype for a --model") }
    guard seconds >= 0, seconds <= 86400 else { throw ValidationError("--seconds is 0 to 86400, not \(seconds)") }
    for shape in shape.flatMap(\.shapes) {
      guard min(shape.m, shape.n, shape.k) > 0 else {
        throw ValidationError("--shape \(shape.m)x\(shape.n)x\(shape.k): sizes are positive")
      }
      for type in dtype where !shape.k.isMultiple(of: type.blockLength) {
        throw ValidationError(
          "--shape \(shape.m)x\(shape.n)x\(shape.k): \(type.rawValue) has blocks of \(type.blockLength)")
      }
    }
  }

  func run() async throws {
    let output = try ResultOutput()
    let pinned = DriverEnvironment.pinPoCLThreads()
    let opened = try DeviceCatalog.open(devices)
    let plan = try TuningPlan(opened, try shapes(ranks: opened.count))
    guard !plan.devices.isEmpty else {
      throw ValidationError("host has no parameters to tune; shardcl devices lists what has")
    }
    if explain { return try printKernels(plan, output) }
    let database = TuningDatabase()
    guard dryRun || database.folder != nil else {
      throw ValidationError("\(TuningDatabase.environmentVariable)=off keeps nothing; use --dry-run")
    }
    var report = TuneReport(plan, database, dryRun: dryRun, seconds: seconds, pinned: pinned)
    let progress = Progress()
    try await plan.run(
      seconds: seconds, seed: seed, storingIn: dryRun ? nil : database, progress: { progress.show($0, $1) },
      record: { record in
        progress.clear()
        if json { try output.print(JSONLines().line(record)) }
        report.append(record)
      })
    progress.clear()
    if !json { for line in report.lines { try output.print(line) } }
    for line in report.failures { FileHandle.standardError.write(Data((line + "\n").utf8)) }
    if !report.failures.isEmpty { throw ExitCode(Status.checkFailed.rawValue) }
  }

  private func shapes(ranks: Int) throws -> [TuningShape] {
    if let model {
      return try ModelFile.open(model).tuningShapes(rows: Self.modelRows, format: dtype.first, ranks: ranks)
    }
    let types = dtype.isEmpty ? [.f32] : dtype
    let shapes = shape.isEmpty ? Self.defaultShapes : shape.flatMap(\.shapes)
    return types.flatMap { type in shapes.map { TuningShape(m: $0.m, n: $0.n, k: $0.k, format: type) } }
  }

  private func printKernels(_ plan: TuningPlan, _ output: ResultOutput) throws {
    let mesh = try DeviceMesh(plan.devices)
    var report = ExplainReport()
    for shape in plan.shapes {
      let records = try mesh.ranks.map { try $0.explain(shape) }
      if json { for record in records { try output.print(JSONLines().line(record)) } }
      report.append("\(shape.m)x\(shape.n)x\(shape.k) \(shape.format.rawValue)", records)
    }
    if !json { for line in report.lines { try output.print(line) } }
  }

  /// Steps of decode for one user and for several, a short prompt, a long one.
  private static let modelRows = [1, 8, 32, 512]
  private static let defaultShapes = [2048, 4096].flatMap { size in modelRows.map { Shape(m: $0, n: size, k: size) } }
}
