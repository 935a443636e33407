// SPDX-License-Identifier: Apache-2.0

/// A library that multiplies.
protocol Peer: AnyObject {
  /// The name in the table, one word.
  var name: String { get }
  /// Version, device, threads and whatever else its speed depends on.
  var details: String { get }

  /// Takes the operands to where they are used. Not timed; what an application does once per weight belongs here.
  func prepare(_ problem: Problem) async throws

  /// Computes the product `count` times, one after the other, and returns when all are complete. Timed.
  ///
  /// A library with a queue enqueues them all and waits once, as an application with more than one product does.
  func run(_ count: Int) async throws

  /// The product of the last `run`, m × n, row-major. Not timed.
  func result() async throws -> [Float]
}
