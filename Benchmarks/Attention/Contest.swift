// SPDX-License-Identifier: Apache-2.0
import BenchSupport

/// ShardCL and its peer at one work, both ready to run, their results checked.
struct Contest {
  /// What one call of ShardCL's does.
  let amount: Amount
  let run: Run
  /// The error of ShardCL's result in units of its bound, at most 1 where it is right.
  let errorOverBound: Double
  /// Nil where there is no PyTorch.
  let peer: Peer?

  enum Amount {
    case operations(Double)
    case bytes(Double)
  }

  struct Peer {
    /// How it does it, where there is something to say.
    var details = ""
    let run: Run
    /// Calls of the peer's that do as much as one of ShardCL's.
    var calls = 1.0
    /// 0 where there is no result to check.
    var errorOverBound = 0.0
  }
}
