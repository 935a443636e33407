// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where results go: standard output, which is moved aside so that whatever drivers and compilers print there lands on
/// standard error.
struct ResultOutput {
  private let handle: FileHandle

  /// Moves standard output aside; once in a process, before a driver is loaded.
  init() throws {
    fflush(nil)
    let copy = dup(STDOUT_FILENO)
    guard copy >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else { throw OutputError(errno) }
    _ = fcntl(copy, F_SETFD, FD_CLOEXEC)
    handle = FileHandle(fileDescriptor: copy, closeOnDealloc: false)
  }

  /// Writes `line` and ends it.
  ///
  /// - Throws: `OutputError` where nobody reads or the disk is full.
  func print(_ line: String) throws {
    do {
      try handle.write(contentsOf: Data((line + "\n").utf8))
    } catch {
      throw OutputError(errno)
    }
  }
}

/// Results that could not be written.
struct OutputError: Error, CustomStringConvertible {
  let code: Int32
  init(_ code: Int32) { self.code = code }
  var description: String { "standard output: \(String(cString: strerror(code)))" }
}
