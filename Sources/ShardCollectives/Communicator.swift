// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// A group of ranks that exchange and add data: rank r runs on `devices[r]`.
///
/// One controller calls a collective once for all ranks. It works on memory that the ranks' devices own, follows
/// everything that was enqueued on them before, and is followed by everything enqueued after it returns; where the
/// transport allows, it only enqueues. Requests are checked before anything runs (`CollectiveError`); a driver's error
/// leaves the outputs undefined and no rank waiting.
///
/// Sums have the order that `Contribution` gives, with f32 arithmetic and one rounding at the end, so every transport
/// gives the same bits. *In place*: an output may be exactly the same elements as the operand of the same rank; for
/// `reduceScatter` and `scatter` its own piece of the input, for `allGather` and `gather` the input its own piece of
/// the output. Any other overlap is an error.
public final class Communicator: Sendable {
  /// The devices, by rank.
  public let devices: [any ComputeDevice]
  /// How data travels: `.context` or `.hostStaged`.
  public let transportKind: TransportKind
  let transport: any Transport

  /// A communicator over `devices`; several ranks may share one.
  ///
  /// - Throws: `CollectiveError.noRanks`, or `.transport` for `.context` without a common context.
  public init(devices: [any ComputeDevice], transport kind: TransportKind = .automatic) throws {
    guard !devices.isEmpty else { throw CollectiveError.noRanks }
    self.devices = devices
    let inContext = kind == .hostStaged ? nil : ContextTransport(devices)
    guard kind != .context || inContext != nil else {
      throw CollectiveError.transport(kind, devices: devices.map(\.selector))
    }
    transportKind = inContext == nil ? .hostStaged : .context
    transport = inContext ?? HostTransport(devices)
  }

  /// A communicator with a transport of the caller's.
  package init(devices: [any ComputeDevice], transport: any Transport) throws {
    guard !devices.isEmpty else { throw CollectiveError.noRanks }
    self.devices = devices
    self.transport = transport
    transportKind = .hostStaged
  }

  /// Number of ranks.
  public var rankCount: Int { devices.count }

  /// Makes every rank's later commands wait for the earlier commands of all ranks.
  ///
  /// - Throws: an error of a device.
  public func barrier() async throws { try await transport.barrier() }
}
