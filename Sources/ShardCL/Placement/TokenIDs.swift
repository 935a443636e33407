// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Token ids, Int32, which every rank of a mesh has: what an embedding looks up, and what a search for the largest logits
/// finds.
///
/// The value describes and refers; copies share the memory.
public struct TokenIDs: Sendable {
  /// The ranks.
  public let mesh: DeviceMesh
  /// How many there are.
  public let count: Int
  /// The ids where the host wrote them, nil where devices made them.
  let known: [Int32]?
  /// The memory of each rank; may be larger.
  private let memories: [DeviceMemory]

  /// Uploads `ids` to every rank.
  ///
  /// - Throws: the driver's error.
  public init(_ ids: [Int32], on mesh: DeviceMesh) throws {
    self = try TokenIDs(on: mesh, count: ids.count).writing(ids)
  }

  /// Allocates room for `count` ids, contents undefined.
  ///
  /// - Throws: `ShardingError.shapeMismatch` for a negative count; `ComputeError.allocationTooLarge`.
  public init(on mesh: DeviceMesh, count: Int) throws {
    guard (0...Int(Int32.max)).contains(count) else {
      throw ShardingError.shapeMismatch("\(count) token ids; 0 to \(Int32.max) are possible")
    }
    self.init(
      mesh: mesh, count: count, known: nil,
      memories: try mesh.ranks.map { try $0.device.allocate(byteCount: 4 * count) })
  }

  private init(mesh: DeviceMesh, count: Int, known: [Int32]?, memories: [DeviceMemory]) {
    self.mesh = mesh
    self.count = count
    self.known = known
    self.memories = memories
  }

  /// `ids` in the same memory, for the next step; values that shared it must no longer be used.
  ///
  /// - Throws: `ShardingError.shapeMismatch` where there is no room for them; the driver's error.
  public func writing(_ ids: [Int32]) throws -> TokenIDs {
    let written = try resized(ids.count)
    let source = HostMemory(ids)
    for rank in mesh.ranks {
      try rank.device.write(source, at: 0, byteCount: source.byteCount, to: memories[rank.index], at: 0)
    }
    return TokenIDs(mesh: mesh, count: ids.count, known: ids, memories: written.memories)
  }

  /// The first `count` of the memory, as ids that devices make.
  func resized(_ count: Int) throws -> TokenIDs {
    guard count >= 0, memories.allSatisfy({ count <= $0.byteCount / 4 }) else {
      throw ShardingError.shapeMismatch(
        "\(count) token ids in memory for \(memories.map { $0.byteCount / 4 }.min() ?? 0)")
    }
    return TokenIDs(mesh: mesh, count: count, known: nil, memories: memories)
  }

  /// The ids, from the first rank; −1 where a row had too few logits.
  ///
  /// - Throws: the driver's error.
  public func download() async throws -> [Int32] {
    if let known { return known }
    let host = HostMemory(byteCount: 4 * count)
    let device = mesh.ranks[0].device
    try device.read(memories[0], at: 0, byteCount: host.byteCount, into: host, at: 0)
    try await device.finish()
    return host.array(of: Int32.self)
  }

  /// The ids of `rank` as its device takes them.
  func vector(of rank: Int) throws -> IndexVector { try IndexVector(memories[rank], count: count) }

  /// Those of tokens `rows`.
  func vector(of rank: Int, _ rows: Range<Int>) throws -> IndexVector {
    try IndexVector(memories[rank], count: rows.count, offset: rows.lowerBound)
  }
}
