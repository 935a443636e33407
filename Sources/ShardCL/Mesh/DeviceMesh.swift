// SPDX-License-Identifier: Apache-2.0
import ShardCollectives
import ShardCompute

/// An ordered list of ranks that work as one: a line for tensor parallelism, a grid for pipeline × tensor.
///
/// In a grid, rank `row * columns + column` is at (row, column); the ranks of a row share the layers of one pipeline
/// stage. `row(_:)` is the mesh of one stage.
public final class DeviceMesh: Sendable {
  /// The ranks in order.
  public let ranks: [Rank]
  /// Pipeline stages; 1 for a line.
  public let rows: Int
  /// Ranks of a stage.
  public let columns: Int
  /// Moves and adds buffers between the ranks.
  public let communicator: Communicator

  /// Number of ranks.
  public var count: Int { ranks.count }

  /// A mesh of `devices` in that order, in `rows` rows of equally many.
  ///
  /// Devices made with one OpenCL context reach each other's memory; `DeviceCatalog` makes one for each platform.
  /// - Throws: `ShardingError.meshMismatch` for no devices, or a number that `rows` does not divide.
  public init(_ devices: [any ComputeDevice], rows: Int = 1, transport: TransportKind = .automatic) throws {
    guard !devices.isEmpty, rows >= 1, devices.count % rows == 0 else {
      throw ShardingError.meshMismatch(
        "\(devices.count) devices in \(rows) rows; a mesh has 1 rank or more, and rows of equally many")
    }
    ranks = devices.enumerated().map { Rank(index: $0, device: $1) }
    self.rows = rows
    columns = devices.count / rows
    communicator = try Communicator(devices: devices, transport: transport)
  }

  /// A line of the devices that `selectors` names (`pocl:0/2,intel:0`), by default `SHARDCL_DEVICES`, else `all`.
  ///
  /// - Throws: `DeviceError`, `CollectiveError.transport` for a transport that they do not have, or a driver's error.
  public convenience init(selecting selectors: String? = nil, transport: TransportKind = .automatic) throws {
    try self.init(try DeviceCatalog.open(selectors), transport: transport)
  }

  /// The ranks of one row as a line of their own.
  public func row(_ index: Int) throws -> DeviceMesh {
    guard (0..<rows).contains(index) else {
      throw ShardingError.meshMismatch("row \(index) of a mesh of \(rows) × \(columns)")
    }
    return try DeviceMesh(ranks[index * columns..<(index + 1) * columns].map(\.device))
  }

  /// The ranks of one column as a line of their own.
  public func column(_ index: Int) throws -> DeviceMesh {
    guard (0..<columns).contains(index) else {
      throw ShardingError.meshMismatch("column \(index) of a mesh of \(rows) × \(columns)")
    }
    return try DeviceMesh(stride(from: index, to: count, by: columns).map { ranks[$0].device })
  }

  /// The fma rate of each rank in operations per second, measured while all compute: weights for `Partition.weighted`.
  ///
  /// - Throws: the driver's error.
  public func measureFlopsPerSecond() async throws -> [Double] {
    try await withThrowingTaskGroup(of: (Int, Double).self) { group in
      for rank in ranks { group.addTask { (rank.index, try await rank.device.measureFlopsPerSecond()) } }
      var rates = [Double](repeating: 0, count: count)
      for try await (index, rate) in group { rates[index] = rate }
      return rates
    }
  }

  /// Suspends until everything enqueued on any rank is done.
  ///
  /// - Throws: the error of a command that failed while it ran.
  public func finish() async throws {
    for rank in ranks { try await rank.device.finish() }
  }
}

extension DeviceMesh: CustomStringConvertible {
  /// The selectors of the ranks, such as `pocl:0/2.0, pocl:0/2.1`.
  public var description: String { ranks.map(\.device.selector).joined(separator: ", ") }
}
