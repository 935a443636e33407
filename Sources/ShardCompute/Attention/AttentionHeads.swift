// SPDX-License-Identifier: Apache-2.0

/// The heads of an attention and their sizes. Query heads share the key and value of their *KV head*, equally many each:
/// all one in multi-query, one each in multi-head attention.
public struct AttentionHeads: Hashable, Sendable {
  /// Heads of the queries and of the result.
  public let queryHeads: Int
  /// Heads of keys and values; divides `queryHeads`. Query heads `h · group ..< (h + 1) · group` use KV head h.
  public let kvHeads: Int
  /// Numbers of a query and of a key in one head.
  public let keySize: Int
  /// Numbers of a value and of a result in one head.
  public let valueSize: Int

  /// Query heads of one KV head.
  public var group: Int { kvHeads == 0 ? 0 : queryHeads / kvHeads }

  /// Columns of the queries.
  public var queryColumns: Int { queryHeads * keySize }
  /// Columns of new keys.
  public var keyColumns: Int { kvHeads * keySize }
  /// Columns of new values.
  public var valueColumns: Int { kvHeads * valueSize }
  /// Columns of a row of nodes: of each query head the values, the largest score and the sum of weights.
  package var nodeColumns: Int { queryHeads * (valueSize + 2) }
  /// Columns of the result.
  public var resultColumns: Int { queryHeads * valueSize }

  /// The largest size of a head.
  public static let largestSize = 1024

  /// Heads that group; `valueSize` is `keySize` unless it is given. No heads at all are possible: a rank may have none.
  ///
  /// - Throws: `ComputeError.mismatch` with the numbers.
  public init(queryHeads: Int, kvHeads: Int, keySize: Int, valueSize: Int? = nil) throws {
    let valueSize = valueSize ?? keySize
    guard (0...1 << 20).contains(queryHeads), (0...queryHeads).contains(kvHeads),
      kvHeads == 0 ? queryHeads == 0 : queryHeads.isMultiple(of: kvHeads)
    else {
      throw ComputeError.mismatch(
        "\(queryHeads) query heads over \(kvHeads) KV heads; each KV head serves equally many query heads")
    }
    guard (1...Self.largestSize).contains(keySize), (1...Self.largestSize).contains(valueSize) else {
      throw ComputeError.mismatch(
        "heads of \(keySize) numbers for keys and \(valueSize) for values; 1 to \(Self.largestSize) are possible")
    }
    self.queryHeads = queryHeads
    self.kvHeads = kvHeads
    self.keySize = keySize
    self.valueSize = valueSize
  }
}

extension AttentionHeads: CustomStringConvertible {
  /// Such as `8/2 heads × 128`.
  public var description: String {
    "\(queryHeads)/\(kvHeads) heads × \(keySize)" + (valueSize == keySize ? "" : " and \(valueSize)")
  }
}
