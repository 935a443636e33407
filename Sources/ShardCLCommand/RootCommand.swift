// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The program `shardcl`.
@main struct RootCommand: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "shardcl",
    abstract: "Matrix products of large models, sharded over several OpenCL devices.",
    discussion: """
      Devices are selected by a list such as cpu/2 or pocl:0,host; `shardcl devices` shows what there is.
      Exit codes: 0 fine, 1 a check failed, 64 the request is wrong, 65 a file is malformed, 69 no such device or the \
      device failed, 70 a fault of shardcl.
      """,
    version: version,
    subcommands: [DevicesCommand.self, BenchCommand.self, TuneCommand.self, VerifyCommand.self])

  /// Runs the program; every error of any command ends here.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      Failure(error).exit()
    }
  }
}
