// SPDX-License-Identifier: Apache-2.0

extension GEMM {
  /// The one tunable of kernels whose work-groups make a square of C.
  struct TileSide: Hashable, Codable, Sendable {
    /// Rows and columns of C of a work-group, `TILE_M` and `TILE_N`.
    let tile: Int

    static let all = [TileSide(tile: 64), TileSide(tile: 128)]

    /// Why kernels cannot run with it; nil where they can.
    var refusal: String? {
      Self.all.contains(self) ? nil : "tiles of \(tile) × \(tile); 64 × 64 and 128 × 128 are possible"
    }
  }
}
