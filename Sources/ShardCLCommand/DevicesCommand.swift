// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import OpenCLKit
import ShardCL
import ShardCompute

/// `shardcl devices`: what there is to select.
struct DevicesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "List platforms and devices under the names that --devices takes.",
    discussion: """
      host is the CPU fallback, which needs no OpenCL. A selector with /N is cut into N equal parts, each a rank: cpu/2.
      """)

  @Flag(help: "One JSON object per line instead of a table.")
  var json = false

  @Flag(help: "Also show what the OpenCL loader finds: .icd files, their libraries, load errors, permissions.")
  var diagnose = false

  func run() async throws {
    let output = try ResultOutput()
    let (reports, problems) = Self.devices()
    if json {
      for report in reports { try output.print(JSONLines().line(report)) }
      if diagnose { try output.print(JSONLines().line(LoaderDiagnosis())) }
      for problem in problems { FileHandle.standardError.write(Data("shardcl: \(problem)\n".utf8)) }
      return
    }
    try output.print("# shardcl \(RootCommand.version) devices\n")
    for line in Self.table(reports).lines { try output.print(line) }
    try output.print("")
    for problem in problems { try output.print("# \(problem)") }
    // Only where something is missing or asked for: a diagnosis loads every driver.
    if diagnose || reports.count == 1 {
      for line in Self.lines(LoaderDiagnosis(), all: diagnose) { try output.print(line) }
    }
    try output.print("next: shardcl bench matmul --devices \(Self.suggestion(reports))")
  }

  /// Every device, and what went wrong on the way; `host` is always the last.
  private static func devices() -> (reports: [DeviceReport], problems: [String]) {
    var (reports, problems): ([DeviceReport], [String]) = ([], [])
    do {
      let catalog = try DeviceCatalog()
      for failure in catalog.failures { problems.append("platform \(failure.platform): \(failure.error)") }
      for entry in catalog.entries {
        do { reports.append(try DeviceReport(entry)) } catch {
          problems.append("\(entry.description.selector): \(error)")
        }
      }
    } catch {
      problems.append("OpenCL: \(error)")
    }
    return (reports + [DeviceReport(HostDevice())], problems)
  }

  private static func table(_ reports: [DeviceReport]) -> Table {
    var table = Table([
      .text("selector"), .text("device"), .text("platform"), .text("kind"), .number("units"), .number("memory"),
      .number("largest buffer"), .number("vector"), .text("extensions"), .text("driver"), .text("remarks"),
    ])
    for report in reports {
      let remarks = [report.refusal.map { "unusable: \($0)" }, report.sameChipAs.map { "same chip as \($0)" }]
      table.append([
        report.selector, report.name, report.platform, report.kind, "\(report.units)", Text.bytes(report.memoryBytes),
        Text.bytes(report.largestAllocationBytes), "\(report.vectorWidth)",
        report.extensions.isEmpty
          ? "–" : report.extensions.map { $0.replacing("cl_khr_", with: "") }.joined(separator: " "),
        report.driver ?? "–", remarks.compactMap(\.self).joined(separator: "; "),
      ])
    }
    return table
  }

  private static func lines(_ diagnosis: LoaderDiagnosis, all: Bool) -> [String] {
    var lines: [String] = []
    if all {
      let origin = diagnosis.variable.map { "from \($0)" } ?? "the loader's default"
      lines.append("# drivers are registered in \(diagnosis.folder) (\(origin))")
      if let error = diagnosis.folderError { lines.append("#   \(error)") }
      for driver in diagnosis.drivers {
        lines.append("#   \(driver.source): \(driver.library): \(driver.loadError ?? "loads")")
      }
      lines.append("# device files\(diagnosis.nodes.isEmpty ? ": none in /dev/dri" : "")")
      for node in diagnosis.nodes {
        lines.append("#   \(node.path): \(node.permissions), \(node.isAccessible ? "accessible" : "NOT accessible")")
      }
    }
    return lines + diagnosis.advice.map { "# to do: \($0)" }
  }

  /// The most telling run on these devices: several ranks where there can be.
  private static func suggestion(_ reports: [DeviceReport]) -> String {
    let usable = reports.filter { $0.refusal == nil && $0.sameChipAs == nil && $0.kind != "host" }
    if usable.count(where: { $0.kind != "cpu" }) > 1 { return "all" }
    if let whole = usable.first(where: { $0.kind != "cpu" }) {
      return usable.contains { $0.kind == "cpu" } ? "\(whole.selector),host" : whole.selector
    }
    guard let cpu = usable.first else { return "host" }
    return cpu.parts > 1 ? "cpu/2" : "cpu"
  }
}
