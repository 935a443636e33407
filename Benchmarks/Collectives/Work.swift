// SPDX-License-Identifier: Apache-2.0

/// An all-reduce of f32 to time.
struct Work {
  let name: String
  /// Bytes of each rank's operand.
  let byteCount: Int
  var targets: [Target] = []

  /// What is to be reached.
  enum Target {
    /// How many times Open MPI's bandwidth.
    case ofPeer(Double)
    /// The share of what the bytes that must move take to copy.
    case ofCopy(Double)
    /// Seconds of one in a chain at most.
    case chainSeconds(Double)
  }

  static let all = [
    Work(name: "all-reduce-4k", byteCount: 4 << 10, targets: [.chainSeconds(25e-6)]),
    Work(name: "all-reduce-1m", byteCount: 1 << 20, targets: [.ofPeer(1)]),
    Work(name: "all-reduce-16m", byteCount: 16 << 20, targets: [.ofPeer(3)]),
    Work(name: "all-reduce-64m", byteCount: 64 << 20, targets: [.ofPeer(4), .ofCopy(0.6)]),
  ]

  var count: Int { byteCount / 4 }
}
