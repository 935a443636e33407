// SPDX-License-Identifier: Apache-2.0
import OpenCLKit
import ShardCompute
import Synchronization

/// The last 1,024 collectives of a communicator, and how far each of them has come.
///
/// Recording waits for nothing: it keeps the events that the transport makes anyway, and asks them when somebody reads.
/// `JSONEncoder` takes `entries`.
public final class FlightRecorder: Sendable {
  /// Collectives that are kept.
  public static let capacity = 1024

  private struct Slot {
    var entry: FlightRecorder.Entry
    /// Nil once there is nothing more to ask.
    var milestones: Milestones?
  }

  /// The collective number s is in slot (s − 1) mod `capacity`.
  private let state = Mutex<(count: Int, slots: [Slot])>((0, []))

  /// How often events are asked in passing, so that those of finished collectives go back to the driver.
  private static let settlingInterval = 64

  init() {}

  /// The collectives, oldest first, as they stand now.
  public var entries: [Entry] {
    state.withLock { state in
      Self.settle(&state.slots)
      return Self.inOrder(state).map(\.entry)
    }
  }

  /// The newest `count` collectives, oldest first.
  public func last(_ count: Int) -> [Entry] { Array(entries.suffix(max(0, count))) }

  /// The oldest collective that is not done, as far as it is kept.
  public var oldestUnfinished: Entry? { entries.first { $0.state == .enqueued } }

  /// Notes a collective that is about to be enqueued; returns its number.
  func begin(_ operation: CollectiveOperation, counts: [Int], _ elementType: ElementType?) -> Int {
    state.withLock { state in
      state.count += 1
      let slot = Slot(
        entry: Entry(sequence: state.count, operation: operation, elementType: elementType, counts: counts))
      let position = (state.count - 1) % Self.capacity
      if position < state.slots.count { state.slots[position] = slot } else { state.slots.append(slot) }
      if state.count % Self.settlingInterval == 0 { Self.settle(&state.slots) }
      return state.count
    }
  }

  /// Notes that a collective was enqueued.
  func submitted(_ sequence: Int, _ milestones: Milestones) {
    change(sequence) { slot in
      slot.milestones = milestones.isEmpty ? nil : milestones
      if milestones.isEmpty { slot.entry.state = .done }
    }
  }

  /// Notes that a collective failed at a rank; returns it.
  @discardableResult
  func failed(_ sequence: Int, rank: Int?) -> Entry? {
    change(sequence) { slot in
      slot.entry.state = .failed
      slot.entry.failedRank = rank
      slot.milestones = nil
      return slot.entry
    }
  }

  @discardableResult
  private func change<R: Sendable>(_ sequence: Int, _ body: (inout Slot) -> R) -> R? {
    state.withLock { state in
      let position = (sequence - 1) % Self.capacity
      // A newer one may have taken the slot.
      guard state.slots.indices.contains(position), state.slots[position].entry.sequence == sequence else {
        return nil
      }
      return body(&state.slots[position])
    }
  }

  private static func inOrder(_ state: (count: Int, slots: [Slot])) -> [Slot] {
    let start = state.slots.count < capacity ? 0 : state.count % capacity
    return Array(state.slots[start...] + state.slots[..<start])
  }

  /// Asks the events that are left, and lets go of those that are done.
  private static func settle(_ slots: inout [Slot]) {
    for position in slots.indices {
      guard var milestones = slots[position].milestones else { continue }
      for (rank, event) in milestones.arrivals where isDone(event) { milestones.arrivals[rank] = nil }
      for (rank, event) in milestones.completions where isDone(event) {
        if (try? event.hasFailed) == true {
          slots[position].entry.state = .failed
          slots[position].entry.failedRank = slots[position].entry.failedRank ?? rank
        }
        milestones.completions[rank] = nil
      }
      slots[position].entry.absentRanks = milestones.arrivals.keys.sorted()
      slots[position].entry.unfinishedRanks =
        Set(milestones.arrivals.keys).union(milestones.completions.keys).sorted()
      if milestones.isEmpty {
        slots[position].milestones = nil
        if slots[position].entry.state == .enqueued { slots[position].entry.state = .done }
      } else {
        slots[position].milestones = milestones
      }
    }
  }

  /// An event that the driver cannot tell about is asked again the next time.
  private static func isDone(_ event: Event) -> Bool { (try? event.isDone) ?? false }
}

extension FlightRecorder: CustomStringConvertible {
  /// One line for each collective, oldest first.
  public var description: String { entries.map(\.description).joined(separator: "\n") }
}
