// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import OpenCLKit
import ShardCL
import ShardCollectives
import ShardCompute
import ShardModels

/// The exit codes of `shardcl`, as sysexits.h numbers them.
enum Status: Int32 {
  case fine = 0
  /// A result is wrong.
  case checkFailed = 1
  /// The request is wrong.
  case usage = 64
  /// A file is malformed.
  case data = 65
  /// There is no such device, or it failed.
  case unavailable = 69
  /// A fault of ours.
  case software = 70
}

/// An error on its way to the user: one message, one exit code.
struct Failure {
  let error: any Error
  /// Nil where the parser of arguments has its own message, usage with it.
  let status: Status?

  init(_ error: any Error) {
    self.error = error
    status = Self.status(of: error)
  }

  /// Ends the process.
  func exit() -> Never {
    guard let status else { RootCommand.exit(withError: error) }
    FileHandle.standardError.write(Data("shardcl: \(error)\n".utf8))
    Foundation.exit(status.rawValue)
  }

  /// The one place where errors become exit codes.
  static func status(of error: any Error) -> Status? {
    switch error {
    case let error as DeviceError:
      switch error {
      case .invalidSelector, .tooManyParts: .usage
      case .noSuchDevice, .noDevices: .unavailable
      }
    case is VerificationError, is ShardingError: .usage
    case let error as ModelFileError: error.kind == .invalidRequest ? .usage : .data
    case let error as ComputeError:
      switch error {
      case .allocationTooLarge, .outOfMemory, .unsupported: .unavailable
      case .tuningFile: .data
      case .outOfBounds, .mismatch, .foreignMemory: .software
      }
    case is OpenCLError: .unavailable
    case let error as CollectiveError:
      switch error {
      case .transport, .tooManyAddends: .usage
      default: .software
      }
    case is OutputError: .usage
    case is CancellationError: .software
    // What the parser does not know ends with 1, which is the code of a failed check.
    default: error is ExitCode || RootCommand.exitCode(for: error) != .failure ? nil : .software
    }
  }
}
