// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenCLKit

/// Where devices find parameters for kernels that were measured: a folder of the user's, and those that ship with the
/// library.
///
/// A folder holds one JSON file for each device, written by `shardcl tune`. What the user measured comes before what
/// ships, that before the kernels' formulas. Parameters change speed, never a bit of a result.
public struct TuningDatabase: Hashable, Sendable {
  /// The user's folder; nil uses nothing that was measured, not even what ships.
  public let folder: URL?

  /// The environment variable that names another folder, or says `off`.
  public static let environmentVariable = "SHARDCL_TUNING"

  /// A database in `folder`; nil switches it off.
  public init(folder: URL?) { self.folder = folder }

  /// The folder that `SHARDCL_TUNING` names, off where it says so, else `$XDG_CONFIG_HOME/shardcl/tuning`
  /// (`~/.config` where that is not set).
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    switch environment[Self.environmentVariable] {
    case "off"?: self.init(folder: nil)
    case let path? where !path.isEmpty: self.init(folder: URL(filePath: path, directoryHint: .isDirectory))
    default:
      let base =
        if let path = environment["XDG_CONFIG_HOME"], path.hasPrefix("/") {
          URL(filePath: path, directoryHint: .isDirectory)
        } else {
          FileManager.default.homeDirectoryForCurrentUser.appending(path: ".config", directoryHint: .isDirectory)
        }
      self.init(folder: base.appending(path: "shardcl/tuning", directoryHint: .isDirectory))
    }
  }

  /// The user's file for `device`; nil where the database is off.
  package func file(for device: TunedDevice) -> URL? { folder?.appending(path: device.fileName) }

  /// What is known of `device`.
  ///
  /// - Throws: `ComputeError.tuningFile`: a file that cannot be used must not cost speed in silence.
  package func table(for device: TunedDevice) throws -> TuningTable {
    guard folder != nil else { return TuningTable() }
    let shipped = try Self.shipped().filter { $0.device.matches(device) }
    return TuningTable(user: try user(device), shipped: shipped, device: device)
  }

  /// Puts `entry` in the place of the one with `key`, or removes that one, in the user's file for `device`.
  ///
  /// The file is replaced as a whole, so that a reader finds the old one or the new one.
  /// - Returns: the file; nil where there was nothing to do.
  /// - Throws: `ComputeError.tuningFile`, also where it cannot be written; `.unsupported` where the database is off.
  @discardableResult
  package func store(_ entry: TuningEntry?, for key: TuningEntry.Key, on device: TunedDevice) throws -> URL? {
    guard let url = file(for: device) else {
      throw ComputeError.unsupported("storing parameters with \(Self.environmentVariable)=off")
    }
    var file = try user(device) ?? TuningFile(device: device)
    guard file.device == device else {
      throw ComputeError.tuningFile(
        file: url.path, field: "device", reason: "is \(file.device.name), not \(device.name)")
    }
    let before = file.entries
    file.entries.removeAll { $0.key == key }
    if let entry { file.entries.append(entry) }
    guard file.entries != before else { return nil }
    do {
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try file.text().write(to: url, options: .atomic)
    } catch {
      throw ComputeError.tuningFile(
        file: url.path, field: "the file", reason: "cannot be written: \(error.localizedDescription)")
    }
    return url
  }

  private func user(_ device: TunedDevice) throws -> TuningFile? {
    guard let url = file(for: device), FileManager.default.fileExists(atPath: url.path) else { return nil }
    let text: Data
    do { text = try Data(contentsOf: url) } catch {
      throw ComputeError.tuningFile(
        file: url.path, field: "the file", reason: "cannot be read: \(error.localizedDescription)")
    }
    return try TuningFile(parsing: text, file: url.path)
  }

  /// The files in `Kernels/tuning`.
  package static func shipped() throws -> [TuningFile] {
    try KernelLibrary.texts.filter { $0.key.hasPrefix("tuning/") }.sorted { $0.key < $1.key }.map { name, text in
      try TuningFile(parsing: Data(text.utf8), file: "\(name).json")
    }
  }
}
