// SPDX-License-Identifier: Apache-2.0
import Foundation

extension LayerReference {
  /// A `Rotation` of rows of `columns`, heads of `headSize`, each at its position; rows below 0 stay.
  ///
  /// Plain f32 has sines and cosines that are rounded once, as any table has.
  public static func rotation(
    _ rotary: Rotary, _ x: [Float], columns: Int, headSize: Int, positions: [Int]
  ) -> LayerReference {
    var (exact, plain) = (x.map(Double.init), x)
    let (half, frequencies, magnitude) = (rotary.size / 2, rotary.frequencies, rotary.magnitude)
    for (row, position) in positions.enumerated() where position >= 0 {
      let turns = frequencies.map { frequency in
        (cos: magnitude * cos(Double(position) * frequency), sin: magnitude * sin(Double(position) * frequency))
      }
      for start in stride(from: row * columns, to: (row + 1) * columns, by: headSize) {
        for (pair, turn) in turns.enumerated() {
          let (a, b) =
            rotary.pairing == .halves ? (start + pair, start + pair + half) : (start + 2 * pair, start + 2 * pair + 1)
          exact[a] = Double(x[a]) * turn.cos - Double(x[b]) * turn.sin
          exact[b] = Double(x[b]) * turn.cos + Double(x[a]) * turn.sin
          plain[a] = x[a] * Float(turn.cos) - x[b] * Float(turn.sin)
          plain[b] = x[b] * Float(turn.cos) + x[a] * Float(turn.sin)
        }
      }
    }
    return LayerReference(exact: exact, plain: plain, columns: columns)
  }
}
