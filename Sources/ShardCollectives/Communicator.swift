// SPDX-License-Identifier: Apache-2.0
import ShardCompute
import Synchronization

/// A group of ranks that exchange and add data: rank r runs on `devices[r]`.
///
/// One controller calls a collective once for all ranks. It works on memory that the ranks' devices own, follows
/// everything that was enqueued on them before, and is followed by everything enqueued after it returns; where the
/// transport allows, it only enqueues. Requests are checked before anything runs (`CollectiveError`). An error of a
/// device, or a wait over the deadline, is a `CollectiveFailure`: it leaves the outputs undefined, operands that are no
/// outputs as they were, and the communicator broken (`CollectiveError.broken`). A new one over the devices that are left
/// goes on.
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
  /// How long a collective or a wait may take.
  public let deadline: Duration
  /// The last collectives.
  public let recorder = FlightRecorder()
  let transport: any Transport
  let brokenBy = Mutex<CollectiveFailure?>(nil)

  /// A minute.
  public static let defaultDeadline = Duration.seconds(60)

  /// A communicator over `devices`; several ranks may share one.
  ///
  /// - Parameters:
  ///   - devices: The devices, by rank.
  ///   - kind: How data travels.
  ///   - deadline: How long a collective, a barrier or `finish()` waits; what only enqueues does not wait.
  /// - Throws: `CollectiveError.noRanks`, or `.transport` for `.context` without a common context.
  public init(
    devices: [any ComputeDevice], transport kind: TransportKind = .automatic,
    deadline: Duration = defaultDeadline
  ) throws {
    guard !devices.isEmpty else { throw CollectiveError.noRanks }
    self.devices = devices
    self.deadline = Self.clamped(deadline)
    let inContext = kind == .hostStaged ? nil : ContextTransport(devices)
    guard kind != .context || inContext != nil else {
      throw CollectiveError.transport(kind, devices: devices.map(\.selector))
    }
    transportKind = inContext == nil ? .hostStaged : .context
    transport = inContext ?? HostTransport(devices)
  }

  /// A communicator with a transport of the caller's.
  package init(
    devices: [any ComputeDevice], transport: any Transport, deadline: Duration = defaultDeadline
  ) throws {
    guard !devices.isEmpty else { throw CollectiveError.noRanks }
    self.devices = devices
    self.deadline = Self.clamped(deadline)
    self.transport = transport
    transportKind = .hostStaged
  }

  /// Number of ranks.
  public var rankCount: Int { devices.count }

  /// Makes every rank's later commands wait for the earlier commands of all ranks.
  ///
  /// - Throws: `CollectiveFailure`; `CollectiveError.broken` after one.
  public func barrier() async throws {
    try await perform(.barrier, counts: [], nil) { try await transport.barrier(until: $0) }
  }

  /// The first failure, after which collectives are refused.
  public var failure: CollectiveFailure? { brokenBy.withLock { $0 } }

  /// Instants stay far from the end of time.
  private static func clamped(_ deadline: Duration) -> Duration { min(max(.zero, deadline), .seconds(1_000_000_000)) }
}
