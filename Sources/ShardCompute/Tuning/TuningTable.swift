// SPDX-License-Identifier: Apache-2.0

/// Where the parameters of a kernel come from.
package enum ParameterOrigin: String, Hashable, Sendable, Codable {
  /// `shardcl tune` measured them on this device.
  case tuned
  /// They ship with the library for devices of this name.
  case shipped
  /// The kernel's own rule of thumb.
  case formula
}

/// The tuned parameters of one device, ready to be looked up.
package struct TuningTable: Sendable {
  /// The device's name; empty for an empty table.
  package let device: TunedDevice?
  /// Entries that cannot be used, and why.
  package let skipped: [String]
  private let rows: [TuningEntry.Key: [Row]]

  private struct Row: Sendable {
    let origin: ParameterOrigin
    /// The kernel's `Parameters`.
    let parameters: any Sendable
  }

  /// Nothing but formulas.
  package init() { (device, skipped, rows) = (nil, [], [:]) }

  /// Entries of the user's file before those that ship.
  package init(user: TuningFile?, shipped: [TuningFile], device: TunedDevice) {
    var (rows, skipped): ([TuningEntry.Key: [Row]], [String]) = ([:], [])
    var files = shipped.map { (ParameterOrigin.shipped, $0) }
    if let user {
      // A file that was copied from another machine has figures of that one.
      if user.device == device {
        files.insert((.tuned, user), at: 0)
      } else {
        skipped.append("the tuning file is for \(user.device.name), driver \(user.device.driver ?? "of any version")")
      }
    }
    for (origin, file) in files {
      for entry in file.entries {
        do throws(ParameterValues.Mismatch) {
          guard WeightFormat(rawValue: entry.format) != nil else {
            throw ParameterValues.Mismatch(description: "there is no format \(entry.format)")
          }
          guard let kernel = GEMM.kernels.first(where: { $0.name == entry.kernel }) else {
            throw ParameterValues.Mismatch(description: "there is no kernel \(entry.kernel)")
          }
          rows[entry.key, default: []].append(
            Row(origin: origin, parameters: try kernel.parameters(from: entry.parameters)))
        } catch {
          skipped.append("\(origin.rawValue) entry \(entry.key): \(error)")
        }
      }
    }
    self.device = device
    self.skipped = skipped
    self.rows = rows
  }

  /// Parameters of `kernel` for products like `product`, the first to be preferred.
  func parameters<K: ProductKernel>(
    of kernel: K.Type, for product: Product
  ) -> [(origin: ParameterOrigin, parameters: K.Parameters)] {
    guard !rows.isEmpty, let found = rows[TuningEntry.Key(kernel: K.name, ShapeClass(product))] else { return [] }
    return found.compactMap { row in (row.parameters as? K.Parameters).map { (row.origin, $0) } }
  }

  /// Whether there is an entry of `origin`.
  package func has(_ origin: ParameterOrigin, _ key: TuningEntry.Key) -> Bool {
    rows[key]?.contains { $0.origin == origin } ?? false
  }
}

extension ProductKernel {
  fileprivate static func parameters(from values: ParameterValues) throws(ParameterValues.Mismatch) -> any Sendable {
    try values.parameters(as: Parameters.self)
  }
}
