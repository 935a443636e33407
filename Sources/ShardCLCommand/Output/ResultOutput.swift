// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where results go: a file, or standard output, which is moved aside so that whatever drivers and compilers print
/// there lands on standard error.
struct ResultOutput {
  private let handle: FileHandle
  private let name: String

  /// Moves standard output aside; once in a process, before a driver is loaded.
  init() throws {
    fflush(nil)
    let copy = dup(STDOUT_FILENO)
    guard copy >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else { throw OutputError(name: "standard output", errno) }
    _ = fcntl(copy, F_SETFD, FD_CLOEXEC)
    handle = FileHandle(fileDescriptor: copy, closeOnDealloc: false)
    name = "standard output"
  }

  /// Writes to a new file at `path`, in the place of one that is there.
  init(file path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw OutputError(name: path, errno) }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    name = path
  }

  /// Writes `line` and ends it.
  ///
  /// - Throws: `OutputError` where nobody reads or the disk is full.
  func print(_ line: String) throws {
    do {
      try handle.write(contentsOf: Data((line + "\n").utf8))
    } catch {
      throw OutputError(name: name, errno)
    }
  }
}

/// Results that could not be written.
struct OutputError: Error, CustomStringConvertible {
  let name: String
  let code: Int32

  init(name: String, _ code: Int32) { (self.name, self.code) = (name, code) }

  var description: String { "\(name): \(String(cString: strerror(code)))" }
}
