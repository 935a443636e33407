// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `shardcl bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure, and check what was measured.",
    subcommands: [
      BenchMatmulCommand.self, BenchAttentionCommand.self, BenchLayerCommand.self, BenchCollectivesCommand.self,
    ])
}
