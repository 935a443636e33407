// SPDX-License-Identifier: Apache-2.0
import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file mapped into memory, read-only. Every access is checked against the size that the file had when it was opened.
///
/// A mapping cannot promise everything: if another process cuts the file short, touching a page that is gone raises
/// `SIGBUS`, and no library can turn that into an error without taking over the process's signal handlers. So every
/// access first asks the system for the file's size and throws if it shrank. What stays open is a file that is cut in the
/// middle of one access; replace model files by rename, which leaves open ones whole.
package final class MappedFile: Sendable {
  /// The path, as it was given.
  package let path: String
  /// The size when the file was opened, in bytes.
  package let byteCount: Int
  private let descriptor: FileDescriptor
  // Written once in `init`, never written through, unmapped in `deinit`, when nobody holds the file any more.
  nonisolated(unsafe) private let bytes: UnsafeRawBufferPointer

  /// Opens and maps the regular file at `path`.
  ///
  /// - Throws: `ModelFileError` if it cannot be opened or mapped, or is a folder, a pipe or a device.
  package init(path: String) throws {
    func failure(_ call: String, _ code: Errno, _ advice: String) -> ModelFileError {
      ModelFileError(.unreadable, file: path, field: call, value: "refused (\(code))", limit: advice)
    }
    do {
      // Not blocking, or a pipe without a writer would hold us here for ever.
      descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
    } catch let code as Errno {
      throw failure("open", code, "give the path of a readable model file")
    }
    do {
      let status: Stat
      do { status = try descriptor.stat() } catch { throw failure("fstat", error, "is the disk well?") }
      guard status.type == .regular, let count = Int(exactly: status.size) else {
        throw ModelFileError(
          .unreadable, file: path, field: "the path", value: "not a regular file",
          limit: "give a GGUF or safetensors file, or a folder with model.safetensors")
      }
      byteCount = count
      if count == 0 {
        bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      } else {
        guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0), base != MAP_FAILED else {
          throw failure("mmap of \(count) bytes", .current, "is there address space, and may this file be mapped?")
        }
        bytes = UnsafeRawBufferPointer(start: base, count: count)
      }
      self.path = path
    } catch {
      try? descriptor.close()
      throw error
    }
  }

  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    try? descriptor.close()
  }

  /// Lends the bytes of `range` to `body`; they must not be kept.
  ///
  /// - Throws: `ModelFileError` if `range` leaves the file or the file has been cut since it was opened.
  package func withBytes<Result>(
    in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else {
      throw ModelFileError(
        .invalidRequest, file: path, field: "byte range", value: "\(range)", limit: "the file has \(byteCount) bytes")
    }
    let now = (try? descriptor.stat().size) ?? 0
    guard now >= byteCount else {
      throw ModelFileError(
        .unreadable, file: path, field: "file size", value: "\(now) bytes",
        limit: "it had \(byteCount) when it was opened; replace model files by rename, not in place")
    }
    return try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(rebasing: bytes[range])) }
  }
}

extension Errno {
  /// The error of the C function that failed last on this thread.
  fileprivate static var current: Errno { Errno(rawValue: errno) }
}
