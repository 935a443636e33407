// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ShardCL
import ShardCollectives
import ShardCompute

extension CollectiveOperation: ExpressibleByArgument {}
extension ElementType: ExpressibleByArgument {}
extension TransportKind: ExpressibleByArgument {
  /// In any case, also `host-staged`.
  public init?(argument: String) {
    let name = argument.lowercased().filter { $0 != "-" }
    guard let kind = Self.allCases.first(where: { $0.rawValue.lowercased() == name }) else { return nil }
    self = kind
  }
}

/// `shardcl bench collectives`: what moves and adds data between ranks, with the vocabulary of nccl-tests.
struct BenchCollectivesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collectives",
    abstract: "Measure collectives between ranks, and check every element.",
    discussion: """
      Sizes, counts, algbw and busbw are those of nccl-tests. Each collective is timed from the call until its result \
      is on all ranks, in turns with a chain of them enqueued back to back and with the same one in place. Operands are \
      small integers, so that sums are exact and every element has one right value; rank 0 is the root.
        shardcl bench collectives --devices cpu/2 -b 1K -e 64M -f 4 --op all-reduce
        shardcl bench collectives --devices cpu/2 --op reduce-scatter --op all-gather --dtype bf16
        shardcl bench collectives --devices pocl:0,host --transport hostStaged --json
      """)

  @OptionGroup var options: BenchOptions

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The smallest size in bytes (K, M, G: powers of 1024).", valueName: "size"))
  var begin = ByteSize(value: 1 << 10)

  @Option(name: .shortAndLong, help: ArgumentHelp("The largest size.", valueName: "size"))
  var end = ByteSize(value: 64 << 20)

  @Option(name: .shortAndLong, help: "What a size is multiplied by to get the next.")
  var factor = 4

  @Option(help: "Which collective; repeatable (default: all-reduce).")
  var op: [CollectiveOperation] = []

  @Option(help: "What is moved or added; repeatable (default: f32).")
  var dtype: [ElementType] = []

  @Option(help: "How data goes from rank to rank: in one OpenCL context, or through host memory.")
  var transport = TransportKind.automatic

  @Flag(
    inversion: .prefixedNo,
    help: "Also measure in place, or never (default: in place where a collective has such a form).")
  var inPlace: Bool?

  func validate() throws {
    guard begin.value <= end.value else {
      throw ValidationError("--begin \(begin.value) is more than --end \(end.value) bytes")
    }
    guard factor >= 2 else { throw ValidationError("--factor is 2 or more, not \(factor)") }
    if inPlace == true, let other = op.first(where: { !$0.worksInPlace }) {
      throw ValidationError("--in-place: \(other.rawValue) does not work in place; measure it without")
    }
    // Before devices are opened; how many ranks share the bytes shows later.
    do { for workload in workloads { _ = try workload.count(ranks: 1) } } catch { throw ValidationError("\(error)") }
  }

  func run() async throws {
    let session = try BenchSession(options, transport: transport)
    for workload in workloads { _ = try workload.count(ranks: session.mesh.count) }
    let benchmark = CollectiveBenchmark(
      on: session.mesh, budget: options.budget, checks: !options.noCheck, seed: options.seed,
      measuresInPlace: inPlace ?? true)
    try await session.run(
      workloads.map { workload in { workload } }, CollectivesReport(session),
      title: { "\($0.operation.rawValue), \($0.byteCount) bytes" }, measure: benchmark.run)
  }

  private var workloads: [CollectiveWorkload] {
    (op.isEmpty ? [.allReduce] : op).flatMap { operation in
      (dtype.isEmpty ? [.f32] : dtype).flatMap { type in
        ByteSize.steps(from: begin, to: end, factor: factor).map {
          CollectiveWorkload(operation, byteCount: $0, elementType: type)
        }
      }
    }
  }
}
