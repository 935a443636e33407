// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit
import Synchronization

/// Built programs on disk, so that a second start compiles nothing.
///
/// An entry is a file named by a hash of its key; the whole key stands in the file and is compared, so a collision or a
/// new driver is a miss, never a wrong program. Entries are written to a file of their own and renamed, so processes
/// can share the folder. A damaged or refused entry is rebuilt and replaced.
public final class ProgramCache: Sendable {
  /// What happened since the cache was made.
  public struct Counts: Hashable, Sendable {
    /// Programs that came from disk.
    public var hits = 0
    /// Programs that had no entry.
    public var misses = 0
    /// Entries that were there but damaged or refused by the driver.
    public var rebuilt = 0
    /// Entries that could not be written: a read-only or full disk costs speed, not results.
    public var unwritten = 0
  }

  /// Where entries lie; nil keeps nothing.
  public let folder: URL?
  private let state = Mutex(Counts())

  /// Counts so far.
  public var counts: Counts { state.withLock { $0 } }

  /// A cache in `folder`, by default `$XDG_CACHE_HOME/shardcl/programs` (`~/.cache` where that is not set).
  public init(folder: URL? = ProgramCache.defaultFolder) { self.folder = folder }

  /// `$XDG_CACHE_HOME/shardcl/programs`; a relative path there is ignored, as the specification says.
  public static var defaultFolder: URL? {
    let environment = ProcessInfo.processInfo.environment
    let base =
      if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") {
        URL(filePath: path, directoryHint: .isDirectory)
      } else {
        FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache", directoryHint: .isDirectory)
      }
    return base.appending(path: "shardcl/programs", directoryHint: .isDirectory)
  }

  /// The program of `source`, from disk or compiled.
  ///
  /// - Throws: `OpenCLError` with the build log where the source does not compile.
  public func program(context: Context, device: Device, source: String, options: String) throws -> Program {
    guard let folder else { return try build(context, device, source, options) }
    let key = try Self.key(device: device, source: source, options: options)
    let file = folder.appending(path: String(format: "%016llx.bin", Self.hash(key)))
    if let entry = try? Data(contentsOf: file) {
      if let binary = Self.binary(in: entry, key: key),
        let program = try? Program(context: context, device: device, binary: binary, options: options)
      {
        state.withLock { $0.hits += 1 }
        return program
      }
      state.withLock { $0.rebuilt += 1 }
    } else {
      state.withLock { $0.misses += 1 }
    }
    let program = try build(context, device, source, options)
    store(program, key: key, at: file)
    return program
  }

  private func build(_ context: Context, _ device: Device, _ source: String, _ options: String) throws -> Program {
    try Program(context: context, device: device, source: source, options: options)
  }

  private func store(_ program: Program, key: Data, at file: URL) {
    do {
      let binary = Data(try program.binary())
      var entry = Data(Self.magic)
      entry.append(Self.bytes(UInt64(key.count)))
      entry.append(key)
      entry.append(Self.bytes(Self.hash(binary)))
      entry.append(binary)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try entry.write(to: file, options: .atomic)
    } catch {
      state.withLock { $0.unwritten += 1 }
    }
  }

  /// Everything that a binary depends on, each part with its length before it.
  private static func key(device: Device, source: String, options: String) throws -> Data {
    let platform = device.platform
    let parts = [
      Program.source(source, for: device), options, device.name, try device.version, try device.driverVersion,
      platform.name, platform.version,
      // A part of a device may be compiled differently from the whole.
      "\(try device.computeUnits) units",
    ]
    return parts.reduce(into: Data()) { key, part in
      key.append(bytes(UInt64(part.utf8.count)))
      key.append(contentsOf: part.utf8)
    }
  }

  /// The binary of an entry, nil unless magic, key and checksum are right.
  private static func binary(in entry: Data, key: Data) -> [UInt8]? {
    let prefix = Data(magic) + bytes(UInt64(key.count)) + key
    guard entry.count > prefix.count + 8, entry.prefix(prefix.count) == prefix else { return nil }
    let binary = entry.dropFirst(prefix.count + 8)
    guard entry.dropFirst(prefix.count).prefix(8) == bytes(hash(binary)) else { return nil }
    return [UInt8](binary)
  }

  private static let magic = Array("shardcl program 1\n".utf8)

  private static func bytes(_ value: UInt64) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }

  /// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/. Names files and finds damage; it is no protection
  /// against someone who can write the user's cache folder.
  private static func hash(_ data: Data) -> UInt64 {
    data.withUnsafeBytes { bytes in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      return hash
    }
  }
}
