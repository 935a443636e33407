// SPDX-License-Identifier: Apache-2.0
import OpenCLKit

/// The events by which a transport ordered the ranks in one collective, where it enqueued and did not wait.
///
/// They tell later how far each rank has come, at no cost to the collective; a rank that nobody waits for has none.
package struct Milestones: Sendable {
  /// Done when a rank has done everything before the collective.
  var arrivals: [Int: Event] = [:]
  /// Done when a rank has done its part.
  var completions: [Int: Event] = [:]

  /// Of a collective that was done when the transport returned.
  package static var done: Milestones { Milestones() }

  var isEmpty: Bool { arrivals.isEmpty && completions.isEmpty }
}
