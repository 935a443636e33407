// SPDX-License-Identifier: Apache-2.0

/// One sequence of a call of attention: its queries, and the blocks of a `KVCache` that have its keys.
public struct KVSequence: Hashable, Sendable {
  /// Rows of the queries, and of the result; new keys and values come from the same rows.
  public let queries: Range<Int>
  /// Keys in all, with those of these rows.
  public let keyCount: Int
  /// Which of the keys are in this cache; all of them unless the keys are cut over ranks.
  public let localKeys: Range<Int>
  /// The blocks that have them, in their order: key k of those here is in block `k / blockLength`.
  public let blocks: [Int]

  /// A sequence; which queries and blocks are possible is checked by who uses it.
  ///
  /// - Parameter localKeys: begins with a multiple of 128.
  public init(queries: Range<Int>, keyCount: Int, blocks: [Int], localKeys: Range<Int>? = nil) {
    self.queries = queries
    self.keyCount = keyCount
    self.localKeys = localKeys ?? 0..<max(0, keyCount)
    self.blocks = blocks
  }

  /// The chunks of the keys that are here.
  var localChunks: Range<Int> { AttentionOrder.chunks(of: localKeys) }

  /// Throws unless the sequence can be one of a cache of `blocks` blocks, with all its keys unless they are cut.
  func check(_ position: Int, blockLength: Int, blocks count: Int, isCut: Bool) throws {
    func fail(_ text: String) -> ComputeError { .mismatch("sequence \(position): \(text)") }
    let most = Int(Int32.max) >> 1
    guard (0...most).contains(keyCount), queries.lowerBound >= 0, queries.upperBound <= most else {
      throw fail("rows \(queries) with \(keyCount) keys; 0 to \(most) are possible")
    }
    let chunk = AttentionOrder.chunk
    guard localKeys.lowerBound >= 0, localKeys.upperBound <= keyCount,
      localKeys.lowerBound.isMultiple(of: chunk) || localKeys.isEmpty,
      localKeys.upperBound.isMultiple(of: chunk) || localKeys.upperBound == keyCount || localKeys.isEmpty
    else { throw fail("keys \(localKeys) of \(keyCount); they are cut at multiples of \(chunk)") }
    guard isCut || localKeys == 0..<keyCount else {
      throw fail("keys \(localKeys) of \(keyCount) in a plan whose keys are not cut over ranks")
    }
    guard localKeys.count <= blocks.count * blockLength else {
      throw fail("\(localKeys.count) keys in \(blocks.count) blocks of \(blockLength)")
    }
    if let block = blocks.first(where: { !(0..<count).contains($0) }) {
      throw fail("block \(block) of a cache with \(count) blocks")
    }
  }
}
