// SPDX-License-Identifier: Apache-2.0
import ShardCL

/// Which kernels run products, and why no others, as lines that start with `#`.
struct ExplainReport {
  private(set) var lines: [String] = []

  /// Adds the ranks' records of one product; ranks that do the same share their lines.
  mutating func append(_ product: String, _ records: [KernelRecord]) {
    lines.append("# \(product)")
    var groups: [(choice: Choice, names: [String])] = []
    for record in records {
      let (choice, name) = (Choice(record), "\(record.rank) \(record.device)")
      if let index = groups.firstIndex(where: { $0.choice == choice }) {
        groups[index].names.append(name)
      } else {
        groups.append((choice, [name]))
      }
    }
    for (choice, names) in groups {
      lines.append("#   \(names.count == 1 ? "rank" : "ranks") \(names.joined(separator: ", ")): \(choice.size)")
      lines += choice.lines.map { "#     \($0)" }
    }
  }

  /// What ranks may have in common.
  private struct Choice: Equatable {
    let size: String
    let lines: [String]

    init(_ record: KernelRecord) {
      size = "\(record.m)x\(record.n)x\(record.k)"
      let parameters = record.parameters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      let origin =
        parameters.isEmpty ? "" : ", \(record.origin) parameters: \(parameters.joined(separator: ", "))"
      lines =
        ["\(record.kernel) runs\(origin)"] + record.notes.map { "note: \($0)" }
        + record.refusals.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    }
  }
}
