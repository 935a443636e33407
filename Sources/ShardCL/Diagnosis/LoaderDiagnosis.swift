// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What the OpenCL loader of this machine finds, step by step, for people whose devices are missing.
public struct LoaderDiagnosis: Hashable, Sendable, Codable {
  /// A driver that is registered.
  public struct Driver: Hashable, Sendable, Codable {
    /// The `.icd` file, or the environment variable that names the library.
    public let source: String
    /// The library named there.
    public let library: String
    /// Why it does not load; null where it does.
    public let loadError: String?

    /// Names in JSON.
    public enum CodingKeys: String, CodingKey {
      case source, library
      case loadError = "load_error"
    }
  }

  /// A device file of the kernel's graphics drivers.
  public struct Node: Hashable, Sendable, Codable {
    /// Such as `/dev/dri/renderD128`.
    public let path: String
    /// Whether this user may read and write it.
    public let isAccessible: Bool
    /// Who may, such as `crw-rw---- root render`.
    public let permissions: String

    /// Names in JSON.
    public enum CodingKeys: String, CodingKey {
      case path, permissions
      case isAccessible = "accessible"
    }
  }

  /// Name and version of this list of fields.
  public let schema: String
  /// Where `.icd` files are looked for.
  public let folder: String
  /// The environment variable that says so; null for the loader's default.
  public let variable: String?
  /// Why the folder cannot be read; null where it can.
  public let folderError: String?
  /// Drivers, in the order of their files' names.
  public let drivers: [Driver]
  /// Device files of graphics chips.
  public let nodes: [Node]

  /// Names in JSON.
  public enum CodingKeys: String, CodingKey {
    case schema, folder, variable, drivers, nodes
    case folderError = "folder_error"
  }

  /// Where loaders look unless the environment says otherwise.
  public static let defaultFolder = "/etc/OpenCL/vendors"

  /// Looks at files and loads each driver's library, as the loader would.
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    schema = "shardcl.loader/1"
    let variables = ["OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH"]
    variable = variables.first { !environment[$0, default: ""].isEmpty }
    let folder = variable.flatMap { environment[$0] } ?? Self.defaultFolder
    self.folder = folder
    var found: [(source: String, library: String)] = []
    var problem: String?
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
    if exists, isFolder.boolValue {
      let names = try? FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".icd") }
      found = (names ?? []).sorted().map { Self.registration(in: "\(folder)/\($0)") }
      problem = names == nil ? "not readable" : nil
    } else if exists, folder.hasSuffix(".icd") {
      found = [Self.registration(in: folder)]
    } else if exists || (variable != nil && !folder.contains("/")) {
      found = [(variable ?? folder, folder)]
    } else {
      problem = "not there"
    }
    // More libraries, whatever the folder has.
    for library in environment["OCL_ICD_FILENAMES", default: ""].split(separator: ":") {
      found.append(("OCL_ICD_FILENAMES", String(library)))
    }
    folderError = problem
    drivers = found.map { Driver(source: $0.source, library: $0.library, loadError: Self.loadError($0.library)) }
    nodes = Self.renderNodes()
  }

  /// What to do, a sentence each; empty where every driver loads and every chip can be reached.
  public var advice: [String] {
    var advice: [String] = []
    if drivers.isEmpty {
      advice.append(
        "no OpenCL driver is registered in \(folder)"
          + (variable.map { " (\($0)): unset it, or" } ?? ":")
          + " install one; on Debian and Ubuntu: sudo apt install pocl-opencl-icd (CPUs), mesa-opencl-icd (AMD), "
          + "intel-opencl-icd (Intel), nvidia-opencl-icd (NVIDIA)")
    }
    for driver in drivers where driver.loadError != nil {
      advice.append(
        "\(driver.library) of \(driver.source) does not load: install the package that has it, or remove that file")
    }
    for node in nodes where !node.isAccessible {
      advice.append(
        "\(node.path) is \(node.permissions): join its group (sudo usermod -aG render $USER), then log in again")
    }
    return advice
  }

  /// The library that an `.icd` file names: its first line that is not empty.
  private static func registration(in file: String) -> (source: String, library: String) {
    let text = (try? FileHandle(forReadingFrom: URL(filePath: file)).read(upToCount: 4096)).flatMap { $0 } ?? Data()
    let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
    return (file, lines.first.map { $0.trimmingCharacters(in: .whitespaces) } ?? "")
  }

  private static func loadError(_ library: String) -> String? {
    guard !library.isEmpty else { return "no library is named" }
    // Stays loaded: drivers do not survive being closed.
    guard dlopen(library, RTLD_NOW | RTLD_LOCAL) == nil else { return nil }
    return dlerror().map { String(cString: $0) } ?? "unknown"
  }

  private static func renderNodes() -> [Node] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/dri")) ?? []
    let paths = names.filter { $0.hasPrefix("renderD") }.sorted().map { "/dev/dri/\($0)" } + ["/dev/kfd"]
    return paths.filter { FileManager.default.fileExists(atPath: $0) }.map { path in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0
      let owner = attributes?[.ownerAccountName] as? String ?? "?"
      let group = attributes?[.groupOwnerAccountName] as? String ?? "?"
      return Node(
        path: path, isAccessible: access(path, R_OK | W_OK) == 0,
        permissions: "\(String(mode & 0o777, radix: 8)) \(owner):\(group)")
    }
  }
}
