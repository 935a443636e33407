// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Device memory of several ranks that host code may touch for a while.
///
/// Each stretch of memory is accessed once, however many operands lie in it: overlapping ranges are united.
struct HostRegions: Sendable {
  /// A range of one rank's memory, in bytes.
  struct Region: Sendable {
    let rank: Int
    let memory: DeviceMemory
    var bytes: Range<Int>
    var writing: Bool
  }

  private let open: [(region: Region, access: HostAccess)]

  /// Opens all regions at once; where one fails, closes the others and throws.
  static func begin(_ wanted: [Region], on devices: [any ComputeDevice]) async throws -> HostRegions {
    let regions = united(wanted)
    let results = await withTaskGroup(of: (Int, Result<HostAccess, any Error>).self) { group in
      for (position, region) in regions.enumerated() {
        group.addTask {
          do {
            let access = try await devices[region.rank].beginAccess(
              region.memory, at: region.bytes.lowerBound, byteCount: region.bytes.count, writing: region.writing)
            return (position, .success(access))
          } catch { return (position, .failure(error)) }
        }
      }
      var results: [(Int, Result<HostAccess, any Error>)] = []
      for await result in group { results.append(result) }
      return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
    var open: [(Region, HostAccess)] = []
    var failure: (any Error)?
    for (region, result) in zip(regions, results) {
      switch result {
      case .success(let access): open.append((region, access))
      case .failure(let error): failure = failure ?? error
      }
    }
    let opened = HostRegions(open: open)
    if let failure {
      // The first error is the one to report.
      try? opened.end(on: devices)
      throw failure
    }
    return opened
  }

  /// Closes all regions, and throws the first error after trying each.
  func end(on devices: [any ComputeDevice]) throws {
    var failure: (any Error)?
    for (region, access) in open {
      do { try devices[region.rank].endAccess(access) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  /// The host address of a byte of a rank's memory, which must lie in an open region.
  func address(_ rank: Int, _ memory: DeviceMemory, _ byteOffset: Int) -> UnsafeMutableRawPointer {
    for (region, access) in open
    where region.rank == rank && region.memory === memory && region.bytes.contains(byteOffset) {
      return access.address + (byteOffset - region.bytes.lowerBound)
    }
    preconditionFailure("a transport opens every region that it touches")
  }

  /// The regions with those that overlap in one memory made one; empty ones are left out.
  static func united(_ regions: [Region]) -> [Region] {
    func key(_ region: Region) -> (Int, ObjectIdentifier, Int) {
      (region.rank, ObjectIdentifier(region.memory), region.bytes.lowerBound)
    }
    var result: [Region] = []
    for region in regions.filter({ !$0.bytes.isEmpty }).sorted(by: { key($0) < key($1) }) {
      if let last = result.last, last.rank == region.rank, last.memory === region.memory,
        region.bytes.lowerBound < last.bytes.upperBound
      {
        let end = max(last.bytes.upperBound, region.bytes.upperBound)
        result[result.count - 1].bytes = last.bytes.lowerBound..<end
        result[result.count - 1].writing = last.writing || region.writing
      } else {
        result.append(region)
      }
    }
    return result
  }
}
