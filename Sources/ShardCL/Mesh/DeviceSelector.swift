// SPDX-License-Identifier: Apache-2.0

/// Which devices a user asks for, as `--devices` and `SHARDCL_DEVICES` have it.
///
/// | text | devices |
/// | --- | --- |
/// | `all` | every GPU and accelerator; the CPUs if there are none |
/// | `gpu`, `cpu` | those |
/// | `host` | the CPU fallback, without OpenCL |
/// | `pocl:0` | the first device of the platform that `shardcl devices` calls `pocl` |
/// | `cpu/4` | each cut into 4 equal parts; of `host`, 4 ranks that share the cores |
/// | `cpu/4.1` | the second of those parts only |
/// | `pocl:0/2,intel:0` | a list |
///
/// Compute units that do not divide evenly stay idle: `cpu/3` of 8 cores has 3 parts of 2.
public struct DeviceSelector: Hashable, Sendable {
  /// What is selected.
  public enum Source: Hashable, Sendable {
    /// Every GPU and accelerator; the CPUs if there are none.
    case all
    /// Every GPU.
    case gpu
    /// Every CPU.
    case cpu
    /// The CPU fallback.
    case host
    /// One device of a platform, by its short name.
    case device(platform: String, index: Int)
  }

  /// The most parts of a device.
  public static let maximumParts = 256

  /// What is selected.
  public let source: Source
  /// Equal parts that each device is cut into; 1 leaves it whole.
  public let parts: Int
  /// The only part wanted, from 0; nil for all.
  public let part: Int?

  /// Selects `part`, or all `parts`, of each device of `source`.
  package init(_ source: Source, parts: Int = 1, part: Int? = nil) {
    precondition(
      (1...Self.maximumParts).contains(parts) && part.map { (0..<parts).contains($0) } ?? true,
      "1 to \(Self.maximumParts) parts, and one of them")
    self.source = source
    self.parts = parts
    self.part = part
  }

  /// Reads a comma-separated list; case and spaces around selectors do not matter.
  ///
  /// - Throws: `DeviceError.invalidSelector` with the place and what is possible there.
  public static func parse(_ text: String) throws -> [DeviceSelector] {
    var reader = Reader(text: text)
    var selectors = [try reader.selector()]
    while reader.take(",") { selectors.append(try reader.selector()) }
    guard reader.isAtEnd else { throw reader.error("\",\" or the end") }
    return selectors
  }
}

extension DeviceSelector: CustomStringConvertible {
  /// As it is written.
  public var description: String {
    let name =
      switch source {
      case .all: "all"
      case .gpu: "gpu"
      case .cpu: "cpu"
      case .host: "host"
      case .device(let platform, let index): "\(platform):\(index)"
      }
    return name + (parts > 1 ? "/\(parts)" : "") + (part.map { parts > 1 ? ".\($0)" : "" } ?? "")
  }
}

/// Reads selectors from the front of a text.
private struct Reader {
  let text: String
  private let characters: [Character]
  private var position = 0

  init(text: String) {
    self.text = text
    characters = Array(text)
    skipSpaces()
  }

  var isAtEnd: Bool { position == characters.count }

  func error(_ expected: String) -> DeviceError {
    .invalidSelector(text: text, position: position + 1, expected: expected)
  }

  /// Moves on if `character` is next.
  mutating func take(_ character: Character) -> Bool {
    guard position < characters.count, characters[position] == character else { return false }
    position += 1
    return true
  }

  /// One selector and the spaces round it.
  mutating func selector() throws -> DeviceSelector {
    skipSpaces()
    let source = try source()
    var (parts, part) = (1, Int?.none)
    if take("/") {
      parts = try number(in: 1...DeviceSelector.maximumParts, "a number of parts")
      if take(".") { part = try number(in: 0...parts - 1, "a part") }
    }
    skipSpaces()
    return DeviceSelector(source, parts: parts, part: part)
  }

  private mutating func source() throws -> DeviceSelector.Source {
    let start = position
    let word = run { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }.lowercased()
    if !word.isEmpty, take(":") {
      return .device(platform: word, index: try number(in: 0...65535, "the index of a device"))
    }
    switch word {
    case "all": return .all
    case "gpu": return .gpu
    case "cpu": return .cpu
    case "host": return .host
    default:
      position = start
      throw error("all, gpu, cpu, host or PLATFORM:INDEX, such as pocl:0")
    }
  }

  private mutating func number(in range: ClosedRange<Int>, _ what: String) throws -> Int {
    let start = position
    let digits = run { $0.isASCII && $0.isNumber }
    guard let value = Int(digits), range.contains(value) else {
      position = start
      throw error("\(what) from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private mutating func run(while isWanted: (Character) -> Bool) -> String {
    let run = characters[position...].prefix(while: isWanted)
    position += run.count
    return String(run)
  }

  private mutating func skipSpaces() { _ = run { $0 == " " } }
}
