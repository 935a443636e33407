// SPDX-License-Identifier: Apache-2.0
import ShardCompute

/// Where one axis of a tensor is cut: consecutive parts, one for each rank, which may be unequal or empty.
public struct Partition: Hashable, Sendable {
  /// Where each part begins, and the end of the last: ascending, the first is 0.
  public let borders: [Int]

  /// Length of the whole axis.
  public var length: Int { borders.last ?? 0 }
  /// Number of parts.
  public var parts: Int { borders.count - 1 }
  /// Length of each part.
  public var counts: [Int] { zip(borders.dropFirst(), borders).map { $0 - $1 } }

  /// The part of `rank`.
  public func range(of rank: Int) -> Range<Int> { borders[rank]..<borders[rank + 1] }

  /// Cuts at `borders`, which begin with 0, ascend and end with the length of the axis.
  ///
  /// - Throws: `ShardingError.invalidPartition`.
  public static func fromBorders(_ borders: [Int]) throws -> Partition {
    guard borders.count >= 2, borders.first == 0, zip(borders, borders.dropFirst()).allSatisfy({ $0 <= $1 }) else {
      throw ShardingError.invalidPartition("borders \(borders); they begin with 0, ascend, and enclose 1 part or more")
    }
    return Partition(borders: borders)
  }

  /// Parts as even as whole units of `granularity` allow; only the last unit may be shorter.
  ///
  /// - Throws: `ShardingError.invalidPartition` for a negative length, no parts or a granularity below 1.
  public static func even(_ length: Int, parts: Int, granularity: Int = 1) throws -> Partition {
    let units = try unitCount(length, parts: parts, granularity: granularity)
    return Partition(
      borders: (0...parts).map { part in
        let unit = proportion(units, part, of: parts)
        return unit >= units ? length : unit * granularity
      })
  }

  /// Parts in proportion to `weights` (the speed of each rank), to the nearest unit of `granularity`.
  ///
  /// - Throws: `ShardingError.invalidPartition` also where a weight is negative or not finite, or all are zero.
  public static func weighted(_ length: Int, weights: [Double], granularity: Int = 1) throws -> Partition {
    let units = try unitCount(length, parts: weights.count, granularity: granularity)
    return Partition(
      borders: try shares(weights).map { share in
        let unit = (Double(units) * share).rounded()
        return unit >= Double(units) || Int(unit) >= units ? length : Int(unit) * granularity
      })
  }

  /// Cuts a reduction dimension on borders of its leaves, as evenly as they allow.
  ///
  /// With more parts than leaves that hold anything some parts are empty.
  /// - Throws: `ShardingError.invalidPartition` for no parts.
  public static func leaves(of order: SumOrder, parts: Int) throws -> Partition {
    let units = try unitCount(order.length, parts: parts, granularity: order.unit)
    let borders = (0...SumOrder.leafCount).map(order.border)
    return Partition(
      borders: (0...parts).map { part in
        let ideal = part == parts ? order.length : proportion(units, part, of: parts) * order.unit
        return borders.last { $0 <= ideal } ?? 0
      })
  }

  /// Cuts a reduction dimension on the borders of its leaves that are nearest to proportions of `weights`.
  ///
  /// - Throws: `ShardingError.invalidPartition` as `weighted` does.
  public static func leaves(of order: SumOrder, weights: [Double]) throws -> Partition {
    let borders = (0...SumOrder.leafCount).map(order.border)
    return Partition(
      borders: try shares(weights).map { share in
        let ideal = Double(order.length) * share
        return borders.min { abs(Double($0) - ideal) < abs(Double($1) - ideal) } ?? 0
      })
  }

  /// The run of leaves that each part holds; together all of them. Nil where a border is not the border of a leaf.
  ///
  /// Leaves without terms go to the part after them; whoever has them adds zeros at the same place of the tree.
  public func leafRuns(of order: SumOrder) -> [Range<Int>]? {
    guard length == order.length else { return nil }
    var first = [0]
    for border in borders.dropFirst().dropLast() {
      let start = first.last ?? 0
      guard let leaf = (start...SumOrder.leafCount).first(where: { order.border($0) == border }) else { return nil }
      first.append(leaf)
    }
    return zip(first, first.dropFirst() + [SumOrder.leafCount]).map { $0..<$1 }
  }

  private init(borders: [Int]) { self.borders = borders }

  /// Units of an axis, the last one perhaps shorter.
  private static func unitCount(_ length: Int, parts: Int, granularity: Int) throws -> Int {
    guard length >= 0, parts >= 1, granularity >= 1 else {
      throw ShardingError.invalidPartition(
        "\(length) in \(parts) parts of whole units of \(granularity); "
          + "possible are a length of 0 or more, 1 part or more and a unit of 1 or more")
    }
    return length / granularity + (length % granularity == 0 ? 0 : 1)
  }

  /// ⌊units · part / parts⌋ without overflow.
  private static func proportion(_ units: Int, _ part: Int, of parts: Int) -> Int {
    units / parts * part + units % parts * part / parts
  }

  /// Cumulative shares of the whole, from 0 to 1.
  private static func shares(_ weights: [Double]) throws -> [Double] {
    let total = weights.reduce(0, +)
    guard weights.allSatisfy({ $0.isFinite && $0 >= 0 }), total > 0, total.isFinite else {
      throw ShardingError.invalidPartition("weights \(weights); they are finite, 0 or more, and not all 0")
    }
    var sum = 0.0
    return [0]
      + weights.indices.map { index in
        sum += weights[index]
        // The last share is exactly 1 whatever the additions before it lost.
        return index == weights.count - 1 ? 1 : min(1, sum / total)
      }
  }
}

extension Partition: CustomStringConvertible {
  /// The lengths of the parts, such as `[3, 2, 3]`.
  public var description: String { "\(counts)" }
}
